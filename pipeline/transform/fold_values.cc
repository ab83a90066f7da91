// Values per head: attention mixes a head's values over tokens and leaves their places alone, so that a rotation of a
// head's values commutes with it. Heads that share values share the rotation.
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/fold.h"
#include "model/model_spec.pb.h"
#include "pipeline/transform/folds.h"
#include "quant/transform/hadamard.h"

namespace nibble {

absl::Status FoldValues(const FoldJob& job) {
  ModelEditor& editor = job.editor;
  for (int layer = 0; layer < editor.spec().layers_size(); ++layer) {
    const Attention& attention = editor.spec().layers(layer).attention();
    const int64_t length = attention.value_length();
    const FoldHadamard rotation{HadamardBlock(length, length)};
    if (rotation.block == 1) {
      return DoesNotFold(job, "with values of an even length", absl::StrCat("a value length of ", length));
    }
    for (const Role role : {Role::kQueryKeyValue, Role::kValue, Role::kValueB, Role::kAttentionOutput}) {
      if (const std::string kept = KeptInFourBits(job, role, layer); !kept.empty()) {
        return DoesNotFold(job, "whose attention is not published in 4 bits", kept);
      }
    }
    const int64_t queries_and_keys = int64_t{attention.heads() + attention.kv_heads()} * attention.key_length();
    const FoldHadamard in_fused{rotation.block, queries_and_keys};
    editor.MapRows(Role::kQueryKeyValue, layer, in_fused);
    editor.MapCols(Role::kQueryKeyValueBias, layer, in_fused);
    editor.MapRows(Role::kValue, layer, rotation);
    editor.MapCols(Role::kValueBias, layer, rotation);
    editor.MapRows(Role::kValueB, layer, rotation);
    editor.MapCols(Role::kAttentionOutput, layer, rotation);
  }
  return absl::OkStatus();
}

}  // namespace nibble
