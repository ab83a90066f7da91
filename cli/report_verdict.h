// The head of verify's page: for each candidate what a person asks first.
#ifndef NIBBLE_CLI_REPORT_VERDICT_H_
#define NIBBLE_CLI_REPORT_VERDICT_H_

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// How close a mean divergence is, in a word: "Very close".
const char* VerdictOf(double mean_kld);

void WriteVerdicts(HtmlWriter& html, const VerifyReport& report);

// What the words stand for.
void WriteVerdictScale(HtmlWriter& html);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_VERDICT_H_
