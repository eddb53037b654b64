// The commands, one file each (cmd_*.cc). Each adds its subcommand and leaves in `run` what main() calls when the user
// chose it; `run` returns the exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/client.h"

namespace precis::cli {

using Run = std::function<int()>;

void AddIndex(CLI::App& app, const Globals& globals, Run* run);
void AddSearch(CLI::App& app, const Globals& globals, Run* run);
void AddCompress(CLI::App& app, const Globals& globals, Run* run);
void AddCapsule(CLI::App& app, const Globals& globals, Run* run);
void AddAsk(CLI::App& app, const Globals& globals, Run* run);
void AddEval(CLI::App& app, const Globals& globals, Run* run);
void AddSplit(CLI::App& app, const Globals& globals, Run* run);
void AddEmbed(CLI::App& app, const Globals& globals, Run* run);
void AddGenerate(CLI::App& app, const Globals& globals, Run* run);
void AddTokens(CLI::App& app, const Globals& globals, Run* run);
void AddCollections(CLI::App& app, const Globals& globals, Run* run);
void AddDocs(CLI::App& app, const Globals& globals, Run* run);
void AddStats(CLI::App& app, const Globals& globals, Run* run);
void AddHealth(CLI::App& app, const Globals& globals, Run* run);
void AddModel(CLI::App& app, const Globals& globals, Run* run);
void AddCompletion(CLI::App& app, Run* run);

}  // namespace precis::cli
