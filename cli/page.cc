#include "cli/page.h"

#include "base/version.h"
#include "cli/report_style.h"

namespace nibble::cli {

void OpenPage(HtmlWriter& html, absl::string_view title) {
  html.Raw("<!DOCTYPE html>\n").Open("html", {{"lang", "en"}});
  html.Open("head").Leaf("meta", {{"charset", "utf-8"}});
  html.Leaf("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  html.Leaf("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  // The page asks for nothing, and the browser is told to refuse it all the same.
  html.Leaf("meta", {{"http-equiv", "Content-Security-Policy"},
                     {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}});
  html.Leaf("link", {{"rel", "icon"}, {"href", "data:,"}});
  html.Element("title", title);
  html.Open("style").Raw(ReportStyle()).Close().Close();
  html.Open("body").Element("a", {{"class", "skip"}, {"href", "#verdict"}}, "Skip to the verdict");
}

void ClosePage(HtmlWriter& html) {
  html.Open("footer").Element("p", {{"class", "name"}}, absl::StrCat("Made by nibble ", kVersion, ".")).Close();
  html.Close().Close().Raw("\n");
}

}  // namespace nibble::cli
