#ifndef NIBBLE_CLI_STANDARD_STREAMS_H_
#define NIBBLE_CLI_STANDARD_STREAMS_H_

namespace nibble::cli {

// A program may be started with stdin, stdout or stderr closed. The next file it opens would take that number, and what
// is meant for the terminal would end in a model. So: each that is closed becomes /dev/null, opened for reading only,
// where a write to stdout fails and is reported. REQUIRES: called before any file is opened.
void OpenClosedStandardStreams();

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_STANDARD_STREAMS_H_
