// precis search QUERY: passages, best first.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/receipt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

struct Flags {
  std::string query, collection = "default";
  SearchFlags search;
  bool full = false;
};

int RunSearch(const Globals& globals, const Flags& flags) {
  const auto query = ReadTextArgument(flags.query);
  if (!query.ok()) return Fail(globals, std::string(query.status().message()), kExitFailed);
  v1::SearchRequest request;
  request.set_tenant(globals.tenant);
  request.set_collection(flags.collection);
  request.set_query(*query);
  if (const absl::Status status = flags.search.Fill(request.mutable_options()); !status.ok()) {
    return Fail(globals, std::string(status.message()), kExitUsage);
  }
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::SearchResponse response;
  if (const grpc::Status status = client.retrieval->Search(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
    return kExitOk;
  }
  if (response.passages().empty()) std::printf("no passage found\n");
  NoteRerank(response.report());
  int rank = 0;
  for (const auto& passage : response.passages()) {
    std::string heading;
    for (const auto& part : passage.heading_path()) heading += (heading.empty() ? "" : " > ") + OneLine(part, 60);
    if (!heading.empty()) heading.insert(0, "  ");
    std::printf("%s %s%s\n", Styled("[" + std::to_string(++rank) + "]", Style::kGreen, STDOUT_FILENO).c_str(),
                Styled(Place(passage.uri(), passage.location()), Style::kCyan, STDOUT_FILENO).c_str(), heading.c_str());
    std::printf("    score %.4f", passage.scores().fused());
    if (passage.scores().has_rerank()) std::printf("  rerank %.3f", passage.scores().rerank());
    if (passage.scores().has_dense()) {
      std::printf("  dense %.3f (#%d)", passage.scores().dense(), passage.scores().dense_rank());
    }
    if (passage.scores().has_keyword()) {
      std::printf("  keyword %.2f (#%d)", passage.scores().keyword(), passage.scores().keyword_rank());
    }
    std::printf("\n");
    if (flags.full) {
      std::printf("%s\n\n", Printable(passage.text()).c_str());
    } else {
      std::printf("    %s\n", OneLine(passage.text(), 2 * TerminalWidth(STDOUT_FILENO) - 8).c_str());
    }
  }
  return kExitOk;
}

}  // namespace

void AddSearch(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("search", "Search a collection");
  command->add_option("query", flags->query, "The query; @FILE or - reads it")->required();
  command->add_option("-c,--collection", flags->collection, "Collection")->capture_default_str();
  flags->search.Add(command);
  command->add_flag("--full", flags->full, "Print whole passages");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunSearch(globals, *flags); }; });
}

}  // namespace precis::cli
