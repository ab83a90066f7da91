// What the sections of our pages share: names, numbers as people read them, and the tables behind plots.
#ifndef NIBBLE_CLI_REPORT_PARTS_H_
#define NIBBLE_CLI_REPORT_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// By candidate: the path's last part, or all of it where two have the same.
std::vector<std::string> CandidateNames(const VerifyReport& report);

// The class that colours a candidate's marks, and lets them differ without colour.
std::string SeriesClass(int candidate);

// Where verify's JSON has a candidate's figure: "/candidates/1/kld/mean".
std::string CandidatePointer(int candidate, absl::string_view figure);

std::string ThreeDigits(double value);    // significant ones, without an exponent: "0.0312", "41.9"
std::string Percent(double share);        // "95.2 %"
std::string PercentChange(double ratio);  // "+1.2 %"
std::string Bits(double bits);            // "4.55"

// A number of the JSON, as people read it.
struct ShownFigure {
  std::string pointer;
  double value = 0;
  std::string shown;
};

// A line of <dl class="stats">: a large figure, its standard error where it has one, what it means.
void WriteStat(HtmlWriter& html, absl::string_view label, const ShownFigure& figure,
               const std::optional<ShownFigure>& error, absl::string_view hint);

// A list of what colours mean; nothing for one candidate.
void WriteLegend(HtmlWriter& html, const std::vector<std::string>& names);

// <details> with a table that scrolls by itself; rows are for the caller. Close with CloseTable.
void OpenHiddenTable(HtmlWriter& html, absl::string_view caption, const std::vector<std::string>& header);
void OpenTable(HtmlWriter& html, absl::string_view caption, const std::vector<std::string>& header);
void CloseHiddenTable(HtmlWriter& html);
void CloseTable(HtmlWriter& html);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_PARTS_H_
