// The plots of verify's page that show how a candidate predicts: own SVG from the report, a table behind each.
#ifndef NIBBLE_CLI_REPORT_PLOTS_H_
#define NIBBLE_CLI_REPORT_PLOTS_H_

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// Mean divergences beside those of well-known types.
void WriteKnownTypes(HtmlWriter& html, const VerifyReport& report);
// Mean divergence over size: for several candidates.
void WriteSizes(HtmlWriter& html, const VerifyReport& report);
// How many positions have which divergence, and the percentiles.
void WriteDistribution(HtmlWriter& html, const VerifyReport& report);
// The relative error of the hidden state behind each layer.
void WriteLayers(HtmlWriter& html, const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_PLOTS_H_
