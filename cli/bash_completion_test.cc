#include "cli/bash_completion.h"

#include <gtest/gtest.h>

#include "CLI/CLI.hpp"
#include "cli/common_options.h"

namespace nibble::cli {
namespace {

// Whatever help calls a value, completion knows what can stand there.
TEST(BashCompletion, KnowsEveryValueOfEveryCommand) {
  for (const Command& command : Commands()) {
    CLI::App app(command.summary, command.name);
    CommonOptions common;
    const Job job = command.define(app);
    AddCommonOptions(app, common);
    for (const CLI::Option* option : app.get_options()) {
      const std::string value =
          option->get_positional() ? option->get_name(/*positional=*/true) : option->get_type_name();
      EXPECT_TRUE(value.empty() || CompletesValue(value))
          << command.name << " " << option->get_name() << " takes '" << value << "': add it to bash_completion.cc";
    }
  }
  EXPECT_FALSE(CompletesValue("BALL"));
}

}  // namespace
}  // namespace nibble::cli
