// The style sheet of verify's page.
#ifndef NIBBLE_CLI_REPORT_STYLE_H_
#define NIBBLE_CLI_REPORT_STYLE_H_

#include "absl/strings/string_view.h"

namespace nibble::cli {

absl::string_view ReportStyle();

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_STYLE_H_
