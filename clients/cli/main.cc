// precis: the command line. See clients/README.md.
#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"

namespace {

// A named option takes one value each time it stands, also one that may be repeated: what follows may be a question.
void TakeOneValueEach(CLI::App* app) {
  for (CLI::Option* option : app->get_options()) {
    if (!option->get_positional() && option->get_items_expected_max() > 1) option->allow_extra_args(false);
  }
  for (CLI::App* command : app->get_subcommands({})) TakeOneValueEach(command);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace precis::cli;
  WatchInterrupts();
  Globals globals;
  Run run;
  CLI::App app(
      "Précis: answers from your documents, compressed to an exact token budget, with the way back to the source",
      "precis");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "precis " PRECIS_VERSION);
  app.add_option("--server", globals.server, "HOST:PORT of a gateway")->envname("PRECIS_SERVER")->capture_default_str();
  app.add_option("--tenant", globals.tenant, "Tenant (default: the default tenant)")->envname("PRECIS_TENANT");
  app.add_flag("--json", globals.json, "For programs: one JSON object a line");
  app.add_option("--timeout", globals.timeout_s, "Seconds until a call is given up (default: none)")
      ->check(CLI::Range(0.0, 1e6));
  AddIndex(app, globals, &run);
  AddSearch(app, globals, &run);
  AddCompress(app, globals, &run);
  AddCapsule(app, globals, &run);
  AddAsk(app, globals, &run);
  AddEval(app, globals, &run);
  AddSplit(app, globals, &run);
  AddEmbed(app, globals, &run);
  AddGenerate(app, globals, &run);
  AddTokens(app, globals, &run);
  AddCollections(app, globals, &run);
  AddDocs(app, globals, &run);
  AddStats(app, globals, &run);
  AddHealth(app, globals, &run);
  AddModel(app, globals, &run);
  AddCompletion(app, &run);
  TakeOneValueEach(&app);
  app.footer("Exit codes: 0 ok, 1 failed, 2 usage, 3 partly failed. 'precis COMMAND --help' tells more.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has codes of its own (100 and up); ours are documented.
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return run ? run() : kExitUsage;
}
