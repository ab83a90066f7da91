#include "converters/family.h"

#include "absl/strings/str_cat.h"
#include "model/role.h"

namespace nibble {

std::string GgufName(const LogicalTensor& tensor) {
  const RoleInfo& role = GetRole(tensor.role);
  if (!role.per_layer) return std::string(role.gguf_name);
  return absl::StrCat("blk.", tensor.layer, ".", role.gguf_name);
}

}  // namespace nibble
