// Figures of a model's tensors as a map in shades, layer by role: own SVG for the pages.
#ifndef NIBBLE_CLI_TENSOR_MAP_H_
#define NIBBLE_CLI_TENSOR_MAP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/html_writer.h"

namespace nibble::cli {

// What a map shows, in shades over powers of its scale.
struct TensorScale {
  const char* id;
  const char* title;
  const char* description;
  double low, high;  // the lightest and the darkest shade
  const char* low_text;
  const char* high_text;
};

// A matrix of the model. Those of a role, and of a layer, are of one row, and of one column.
struct TensorCell {
  std::string role;
  int layer = -1;        // -1: of the whole model
  bool is_known = true;  // else its place stays empty
  double value = 0;
  std::string pointer;  // of the value in the JSON
  std::string name;     // of the mark
  std::string shown;    // the value, as people read it
};

extern const TensorScale kBitsPerWeight;

// `name`: of what the map is of; ids are made of the scale's and `suffix`.
void WriteTensorMap(HtmlWriter& html, const TensorScale& scale, absl::string_view suffix, absl::string_view name,
                    const std::vector<TensorCell>& cells);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TENSOR_MAP_H_
