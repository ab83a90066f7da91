#include "converters/published_names.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace nibble {

std::string NameInTable(absl::string_view published, absl::Span<const Prefix> prefixes) {
  for (const Prefix& prefix : prefixes) {
    if (absl::StartsWith(published, prefix.from)) {
      return absl::StrCat(prefix.to, published.substr(prefix.from.size()));
    }
  }
  return std::string(published);
}

PublishedNames::PublishedNames(const TensorSource& source, absl::Span<const Prefix> prefixes) : source_(source) {
  if (prefixes.empty()) return;
  for (const StoredTensor& tensor : source.tensors()) {
    std::string name = NameInTable(tensor.name, prefixes);
    if (name != tensor.name) renamed_.emplace(std::move(name), &tensor);
  }
}

const StoredTensor* PublishedNames::Find(absl::string_view name) const {
  if (const StoredTensor* tensor = source_.Find(name); tensor != nullptr) return tensor;
  const auto found = renamed_.find(name);
  return found == renamed_.end() ? nullptr : found->second;
}

}  // namespace nibble
