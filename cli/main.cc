#include "cli/app.h"
#include "cli/interrupt.h"
#include "cli/standard_streams.h"

int main(int argc, char** argv) {
  nibble::cli::OpenClosedStandardStreams();
  nibble::cli::HandleSignals();
  return nibble::cli::Run(argc, argv);
}
