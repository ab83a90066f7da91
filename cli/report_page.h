// verify's report as one page: HTML with its style and plots inside, which asks the network for nothing and runs no
// script. Every number of the run stands in an element that names its place in verify's JSON (HtmlWriter::Figure).
#ifndef NIBBLE_CLI_REPORT_PAGE_H_
#define NIBBLE_CLI_REPORT_PAGE_H_

#include <string>

#include "pipeline/report.pb.h"

namespace nibble::cli {

// REQUIRES: there is a candidate.
std::string ReportPage(const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_PAGE_H_
