// What our pages have around their sections: one HTML file with its style inside, which asks the network for nothing
// and runs no script.
#ifndef NIBBLE_CLI_PAGE_H_
#define NIBBLE_CLI_PAGE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/html_writer.h"

namespace nibble::cli {

template <typename Report>
struct PageSection {
  const char* id;
  const char* title;
  const char* introduction;  // "": none
  bool (*has)(const Report&);
  void (*write)(HtmlWriter&, const Report&);
};

// <html>, <head>, and <body> with a link past what stands before the section "verdict".
void OpenPage(HtmlWriter& html, absl::string_view title);
// The footer, and all that OpenPage opened.
void ClosePage(HtmlWriter& html);

// Links to the sections that the report has.
template <typename Report>
void WriteContents(HtmlWriter& html, absl::Span<const PageSection<Report>> sections, const Report& report) {
  html.Open("nav", {{"aria-label", "Sections"}}).Open("ul");
  for (const PageSection<Report>& section : sections) {
    if (!section.has(report)) continue;
    html.Open("li").Element("a", {{"href", absl::StrCat("#", section.id)}}, section.title).Close();
  }
  html.Close().Close();
}

template <typename Report>
void WriteSections(HtmlWriter& html, absl::Span<const PageSection<Report>> sections, const Report& report) {
  html.Open("main");
  for (const PageSection<Report>& section : sections) {
    if (!section.has(report)) continue;
    const std::string heading = absl::StrCat(section.id, "-heading");
    html.Open("section", {{"id", section.id}, {"aria-labelledby", heading}});
    html.Element("h2", {{"id", heading}}, section.title);
    if (*section.introduction != '\0') html.Element("p", {{"class", "intro"}}, section.introduction);
    section.write(html, report);
    html.Close();
  }
  html.Close();
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PAGE_H_
