#include "cli/report_parts.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/io/file.h"

namespace nibble::cli {
namespace {

constexpr int kSeries = 6;  // colours of the style sheet

}  // namespace

std::vector<std::string> CandidateNames(const VerifyReport& report) {
  std::vector<std::string> names;
  for (const Candidate& candidate : report.candidates()) names.emplace_back(io::Basename(candidate.path()));
  const std::vector<std::string> short_names = names;
  for (size_t i = 0; i < names.size(); ++i) {
    if (std::count(short_names.begin(), short_names.end(), names[i]) > 1) names[i] = report.candidates(i).path();
  }
  return names;
}

std::string SeriesClass(int candidate) { return absl::StrCat("series s", candidate % kSeries); }

std::string CandidatePointer(int candidate, absl::string_view figure) {
  return absl::StrCat("/candidates/", candidate, "/", figure);
}

std::string ThreeDigits(double value) {
  if (value == 0 || !std::isfinite(value)) return absl::StrCat(value);
  const int decimals = std::clamp<int>(2 - std::floor(std::log10(std::abs(value))), 0, 12);
  return absl::StrFormat("%.*f", decimals, value);
}

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

std::string PercentChange(double ratio) { return absl::StrFormat("%+.2f %%", 100 * (ratio - 1)); }

std::string Bits(double bits) { return absl::StrFormat("%.2f", bits); }

void WriteStat(HtmlWriter& html, absl::string_view label, const ShownFigure& figure,
               const std::optional<ShownFigure>& error, absl::string_view hint) {
  html.Open("div").Element("dt", label).Open("dd");
  html.Open("span", {{"class", "big"}}).Figure(figure.pointer, figure.value, figure.shown).Close();
  if (error) {
    html.Open("span", {{"class", "error"}}).Text(" ± ").Figure(error->pointer, error->value, error->shown).Close();
  }
  html.Element("span", {{"class", "hint"}}, hint).Close().Close();
}

void WriteLegend(HtmlWriter& html, const std::vector<std::string>& names) {
  if (names.size() < 2) return;
  html.Open("ul", {{"class", "legend"}});
  for (size_t i = 0; i < names.size(); ++i) {
    html.Open("li", {{"class", SeriesClass(i)}}).Element("span", {{"class", "swatch"}}, "");
    html.Element("bdi", {{"class", "name"}}, names[i]).Close();
  }
  html.Close();
}

void OpenTable(HtmlWriter& html, absl::string_view caption, const std::vector<std::string>& header) {
  html.Open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", std::string(caption)}});
  html.Open("table").Element("caption", caption).Open("thead").Open("tr");
  for (const std::string& cell : header) html.Element("th", {{"scope", "col"}, {"class", "label"}}, cell);
  html.Close().Close().Open("tbody");
}

void CloseTable(HtmlWriter& html) { html.Close().Close().Close(); }

void OpenHiddenTable(HtmlWriter& html, absl::string_view caption, const std::vector<std::string>& header) {
  html.Open("details").Element("summary", absl::StrCat("Table: ", caption));
  OpenTable(html, caption, header);
}

void CloseHiddenTable(HtmlWriter& html) {
  CloseTable(html);
  html.Close();
}

}  // namespace nibble::cli
