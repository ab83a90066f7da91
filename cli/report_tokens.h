// The part of verify's page that shows where a candidate went astray: the text, and both models' next choices.
#ifndef NIBBLE_CLI_REPORT_TOKENS_H_
#define NIBBLE_CLI_REPORT_TOKENS_H_

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

void WriteWorstTokens(HtmlWriter& html, const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_TOKENS_H_
