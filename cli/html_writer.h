// HTML, with SVG inside, as a tree that is written while it is walked: every text and attribute is escaped here.
//
//   HtmlWriter html;
//   html.Open("p", {{"class", "note"}}).Text("mean ");
//   html.Figure("/candidates/0/kld/mean", 0.03125, "0.031").Close();
//   html.Take();
//
// Tags must close; that is asserted, not checked.
#ifndef NIBBLE_CLI_HTML_WRITER_H_
#define NIBBLE_CLI_HTML_WRITER_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace nibble::cli {

// Safe as text and within quotes of an attribute: markup becomes entities, control characters and bytes that are no
// UTF-8 what Printable makes of them.
std::string EscapeHtml(absl::string_view text);

struct Attribute {
  absl::string_view name;
  std::string value;
};

// Marks an element as showing the number at a place of verify's JSON, a JSON pointer (RFC 6901).
std::vector<Attribute> ShowsFigure(absl::string_view pointer, double value, std::vector<Attribute> others = {});

class HtmlWriter {
 public:
  HtmlWriter& Open(absl::string_view tag, const std::vector<Attribute>& attributes = {});
  HtmlWriter& Close();  // what was opened last
  HtmlWriter& Text(absl::string_view text);
  // One without children: <br>, <rect>.
  HtmlWriter& Leaf(absl::string_view tag, const std::vector<Attribute>& attributes = {});
  // One with text alone.
  HtmlWriter& Element(absl::string_view tag, const std::vector<Attribute>& attributes, absl::string_view text);
  HtmlWriter& Element(absl::string_view tag, absl::string_view text) { return Element(tag, {}, text); }
  // A number of the JSON, as people read it.
  HtmlWriter& Figure(absl::string_view pointer, double value, absl::string_view shown);
  // As it is: our own style sheet and the document type.
  HtmlWriter& Raw(absl::string_view markup);

  std::string Take();

 private:
  void Start(absl::string_view tag, const std::vector<Attribute>& attributes);

  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_HTML_WRITER_H_
