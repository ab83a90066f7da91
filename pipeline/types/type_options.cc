#include "pipeline/types/type_options.h"

#include "pipeline/types/type_table.h"

namespace nibble {

std::vector<std::string> TypeNames() {
  std::vector<std::string> names;
  for (const NamedType& type : NamedTypes()) {
    if (CanEncode(type)) names.emplace_back(type.name);
  }
  return names;
}

std::vector<std::string> TypeNames(Container container) {
  std::vector<std::string> names;
  for (const NamedType& type : NamedTypes()) {
    if (CanEncode(type) && CanHold(container, type)) names.emplace_back(type.name);
  }
  return names;
}

}  // namespace nibble
