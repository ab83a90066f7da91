// tokenizer.model, SentencePiece's protobuf.
#include "formats/tokenizer/sentencepiece_model.pb.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tokenizer_folder.h"

namespace nibble::fuzz {
namespace {

namespace sentencepiece = tokenizer::sentencepiece;
using Piece = sentencepiece::Model::Piece;

std::string ModelOf(const std::vector<std::pair<const char*, Piece::Type>>& pieces) {
  sentencepiece::Model model;
  float score = 0;
  for (const auto& [text, type] : pieces) {
    Piece& piece = *model.add_pieces();
    piece.set_piece(text);
    piece.set_type(type);
    piece.set_score(score--);
  }
  model.mutable_trainer()->set_model_type(sentencepiece::Trainer::BPE);
  return model.SerializeAsString();
}

}  // namespace

std::vector<std::string> Seeds() {
  return {
      ModelOf({{"<unk>", Piece::UNKNOWN},
               {"<s>", Piece::CONTROL},
               {"</s>", Piece::CONTROL},
               {"<0x0A>", Piece::BYTE},
               {"▁", Piece::NORMAL},
               {"a", Piece::NORMAL},
               {"b", Piece::NORMAL},
               {"ab", Piece::NORMAL},
               {"▁ab", Piece::NORMAL}}),
      ModelOf({{"<unk>", Piece::UNKNOWN}, {"x", Piece::USER_DEFINED}, {"", Piece::UNUSED}}),
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedBytes(input, random); }

void Run(absl::string_view input) { RunTokenizer("tokenizer.model", input); }

}  // namespace nibble::fuzz
