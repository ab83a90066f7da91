#include "converters/family.h"

#include "absl/strings/str_cat.h"
#include "model/role.h"

namespace nibble {

std::string GgufName(const LogicalTensor& tensor) {
  const RoleInfo& role = GetRole(tensor.role);
  const absl::string_view name = tensor.gguf_name.empty() ? role.gguf_name : tensor.gguf_name;
  return role.per_layer ? absl::StrCat("blk.", tensor.layer, ".", name) : std::string(name);
}

}  // namespace nibble
