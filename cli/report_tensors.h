// The parts of verify's page that show what became of the tensors.
#ifndef NIBBLE_CLI_REPORT_TENSORS_H_
#define NIBBLE_CLI_REPORT_TENSORS_H_

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// A bar per candidate, of the bytes that each type takes.
void WriteTypes(HtmlWriter& html, const VerifyReport& report);
// Maps of bits and of error, layer by role, and the table of all tensors.
void WriteTensorMaps(HtmlWriter& html, const VerifyReport& report);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_REPORT_TENSORS_H_
