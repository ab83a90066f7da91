#include "cli/html_writer.h"

#include <cassert>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/json_writer.h"
#include "cli/printable.h"

namespace nibble::cli {

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(Printable(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::vector<Attribute> ShowsFigure(absl::string_view pointer, double value, std::vector<Attribute> others) {
  others.push_back({"data-json", std::string(pointer)});
  others.push_back({"data-value", JsonNumber(value)});
  return others;
}

HtmlWriter& HtmlWriter::Open(absl::string_view tag, const std::vector<Attribute>& attributes) {
  Start(tag, attributes);
  out_ += '>';
  open_.emplace_back(tag);
  return *this;
}

HtmlWriter& HtmlWriter::Close() {
  assert(!open_.empty());
  absl::StrAppend(&out_, "</", open_.back(), ">");
  open_.pop_back();
  return *this;
}

HtmlWriter& HtmlWriter::Text(absl::string_view text) {
  out_ += EscapeHtml(text);
  return *this;
}

HtmlWriter& HtmlWriter::Leaf(absl::string_view tag, const std::vector<Attribute>& attributes) {
  Start(tag, attributes);
  out_ += "/>";
  return *this;
}

HtmlWriter& HtmlWriter::Element(absl::string_view tag, const std::vector<Attribute>& attributes,
                                absl::string_view text) {
  return Open(tag, attributes).Text(text).Close();
}

HtmlWriter& HtmlWriter::Figure(absl::string_view pointer, double value, absl::string_view shown) {
  return Element("data", ShowsFigure(pointer, value, {{"value", JsonNumber(value)}}), shown);
}

HtmlWriter& HtmlWriter::Raw(absl::string_view markup) {
  absl::StrAppend(&out_, markup);
  return *this;
}

std::string HtmlWriter::Take() {
  assert(open_.empty());
  return std::move(out_);
}

void HtmlWriter::Start(absl::string_view tag, const std::vector<Attribute>& attributes) {
  absl::StrAppend(&out_, "<", tag);
  for (const Attribute& attribute : attributes) {
    absl::StrAppend(&out_, " ", attribute.name, "=\"", EscapeHtml(attribute.value), "\"");
  }
}

}  // namespace nibble::cli
