#include "formats/tokenizer/sentencepiece_model.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/sentencepiece_model.pb.h"

namespace nibble::tokenizer {
namespace {

absl::Status Unsupported(absl::string_view place, absl::string_view field, absl::string_view expected,
                         absl::string_view found) {
  return absl::UnimplementedError(absl::StrCat(place, ": ", field, ": expected ", expected, ", found ", found));
}

absl::Status CheckSupported(const sentencepiece::Model& model, absl::string_view place) {
  const sentencepiece::Trainer& trainer = model.trainer();
  const sentencepiece::Normalizer& normalizer = model.normalizer();
  if (trainer.model_type() != sentencepiece::Trainer::BPE) {
    return Unsupported(place, "trainer_spec.model_type", "BPE",
                       sentencepiece::Trainer::ModelType_Name(trainer.model_type()));
  }
  if (trainer.treat_whitespace_as_suffix()) {
    return Unsupported(place, "trainer_spec.treat_whitespace_as_suffix", "false", "true");
  }
  if (!normalizer.precompiled_charsmap().empty()) {
    return Unsupported(place, "normalizer_spec.precompiled_charsmap", "none (identity)",
                       absl::StrCat(normalizer.precompiled_charsmap().size(), " bytes"));
  }
  if (!normalizer.escape_whitespaces())
    return Unsupported(place, "normalizer_spec.escape_whitespaces", "true", "false");
  return absl::OkStatus();
}

// The special ids that the trainer named by their pieces.
void SetSpecialIds(const sentencepiece::Model& model, Vocabulary& vocabulary) {
  const sentencepiece::Trainer& trainer = model.trainer();
  for (int id = 0; id < model.pieces_size(); ++id) {
    const auto& piece = model.pieces(id);
    if (piece.type() == sentencepiece::Model::Piece::UNKNOWN) vocabulary.unknown = id;
    if (piece.type() != sentencepiece::Model::Piece::CONTROL) continue;
    if (piece.piece() == trainer.bos_piece()) vocabulary.bos = id;
    if (piece.piece() == trainer.eos_piece()) vocabulary.eos = id;
    if (piece.piece() == trainer.pad_piece()) vocabulary.padding = id;
  }
}

}  // namespace

absl::StatusOr<SentencePieceModel> ReadSentencePieceModel(const std::string& bytes, absl::string_view place) {
  sentencepiece::Model model;
  if (!model.ParseFromString(bytes) || model.pieces_size() == 0) {
    return BadData(place, "a SentencePiece model", "something else");
  }
  NIBBLE_RETURN_IF_ERROR(CheckSupported(model, place));
  SentencePieceModel result;
  Vocabulary& vocabulary = result.vocabulary;
  vocabulary.algorithm = Algorithm::kSentencePiece;
  vocabulary.pre = "default";
  vocabulary.add_space_prefix = model.normalizer().add_dummy_prefix();
  vocabulary.remove_extra_spaces = model.normalizer().remove_extra_whitespaces();
  SetSpecialIds(model, vocabulary);
  for (int id = 0; id < model.pieces_size(); ++id) {
    const auto& piece = model.pieces(id);
    if (!std::isfinite(piece.score())) {
      return BadData(absl::StrCat(place, ": piece ", id), "a finite score", absl::StrCat(piece.score()));
    }
    result.entries.push_back(
        {static_cast<uint64_t>(id), piece.piece(), static_cast<TokenType>(piece.type()), piece.score()});
  }
  return result;
}

}  // namespace nibble::tokenizer
