#include "cli/commands.h"
#include "cli/explanation.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace gatehouse {
namespace {

struct ExplainOptions {
  std::string url;
  std::string entry_point;
  std::string client = "127.0.0.1";
};

int explain_url(const CommandLine& line, const ExplainOptions& options) {
  auto question = Question::parse(options.url);
  error_code wrong;
  auto client = asio::ip::make_address(options.client, wrong);
  if (!question || wrong) {
    line.console.err << (wrong ? "--client: '" + options.client + "' is not an address" : question.error().detail)
                     << '\n';
    return exit_usage;
  }
  auto configuration = read_configuration(line.source, Names::resolved);
  warn_of_problems(configuration, line.console.err);
  if (!configuration.settings) return exit_problem;
  auto explanation = explain(*configuration.snapshot, *question, options.entry_point, client);
  line.console.out << explanation.text;
  return explanation.answered ? exit_well : exit_problem;
}

}  // namespace

void add_explain(CLI::App& app, CommandLine& line) {
  auto* command =
      app.add_subcommand("explain", "say which route, service and endpoints answer a URL, and why not the others");
  add_source_options(*command, line);
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("URL", options->url, "https://HOST/PATH, http://HOST/PATH, tcp://:PORT or tls://HOST:PORT")
      ->required();
  command
      ->add_option("--entry-point", options->entry_point, "the entry point asked, instead of those on the URL's port")
      ->type_name("NAME");
  command->add_option("--client", options->client, "whose connection it is, for rules that ask")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command->footer(
      "Reads the files as `run` does and sends nothing to anybody but the name server.\n\n"
      "Examples:\n"
      "  gatehouse explain https://gitlab.example.com/group/project\n"
      "  gatehouse explain tcp://:2222\n"
      "  gatehouse explain --entry-point websecure tls://registry.example.com\n\n"
      "Exit codes: 0 something answers, 1 nothing does or the configuration has an error, 2 the command line is "
      "wrong.");
  command->callback([&line, options] { line.exit_code = explain_url(line, *options); });
}

}  // namespace gatehouse
