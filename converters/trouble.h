// What is wrong with a checkpoint's tensors, of one kind of trouble: the first few by name, the others counted.
#ifndef NIBBLE_CONVERTERS_TROUBLE_H_
#define NIBBLE_CONVERTERS_TROUBLE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace nibble {

class Trouble {
 public:
  void Add(std::string item) {
    if (++count_ <= kNamed) items_.push_back(std::move(item));
  }
  size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  // "a, b and 3 more"
  std::string Text() const {
    std::string text = absl::StrJoin(items_, ", ");
    if (count_ > kNamed) absl::StrAppend(&text, " and ", count_ - kNamed, " more");
    return text;
  }
  // "<label> a, b and 3 more", or nothing.
  void AppendTo(std::vector<std::string>& texts, absl::string_view label) const {
    if (!empty()) texts.push_back(absl::StrCat(label, " ", Text()));
  }

 private:
  static constexpr size_t kNamed = 8;
  size_t count_ = 0;
  std::vector<std::string> items_;
};

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_TROUBLE_H_
