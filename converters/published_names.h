// Tensors of a checkpoint by the names that a family's table has, whatever is put in front of them ("transformer.",
// "language_model.").
#ifndef NIBBLE_CONVERTERS_PUBLISHED_NAMES_H_
#define NIBBLE_CONVERTERS_PUBLISHED_NAMES_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"

namespace nibble {

// A published name that starts with `from` means the name with `to` in its place.
struct Prefix {
  absl::string_view from;
  absl::string_view to;
};

class PublishedNames {
 public:
  // The first prefix that fits counts. `source` outlives this.
  PublishedNames(const TensorSource& source, absl::Span<const Prefix> prefixes);

  // Null if there is none.
  const StoredTensor* Find(absl::string_view name) const;

 private:
  const TensorSource& source_;
  absl::flat_hash_map<std::string, const StoredTensor*> renamed_;
};

// The name that a table knows a published one by.
std::string NameInTable(absl::string_view published, absl::Span<const Prefix> prefixes);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_PUBLISHED_NAMES_H_
