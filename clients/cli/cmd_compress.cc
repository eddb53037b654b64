// precis compress: passages of a search, or files, into a context within a token budget.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/receipt.h"
#include "cli/terminal.h"
#include "precis/base/file.h"

namespace precis::cli {
namespace {

struct Flags {
  std::vector<std::string> inputs;
  std::string query, collection;
  SearchFlags search;
  CompressionFlags compression;
  bool no_cache = false, quiet = false;
};

// Fills the passages: from a search where a collection is named, else from the files.
int GatherPassages(const Globals& globals, const Flags& flags, Client& client, v1::CompressRequest* request) {
  if (!flags.collection.empty()) {
    if (flags.query.empty()) return Fail(globals, "--collection needs --query to search with", kExitUsage);
    v1::SearchRequest search;
    search.set_tenant(globals.tenant);
    search.set_collection(flags.collection);
    search.set_query(flags.query);
    if (const absl::Status status = flags.search.Fill(search.mutable_options()); !status.ok()) {
      return Fail(globals, std::string(status.message()), kExitUsage);
    }
    v1::SearchResponse found;
    auto context = client.Context();
    CancelOnInterrupt cancel(context.get());
    if (const grpc::Status status = client.retrieval->Search(context.get(), search, &found); !status.ok()) {
      return Fail(globals, status);
    }
    request->mutable_passages()->Swap(found.mutable_passages());
    request->set_read_epoch(found.report().read_epoch());
  }
  for (const std::string& input : flags.inputs) {
    const auto text = ReadTextArgument(input == "-" ? "-" : "@" + input);
    if (!text.ok()) return Fail(globals, std::string(text.status().message()), kExitFailed);
    v1::Passage* passage = request->add_passages();
    passage->set_text(*text);
    passage->set_uri(input == "-" ? "standard input" : input);
  }
  if (request->passages().empty() && flags.collection.empty()) {
    return Fail(globals, "nothing to compress: name files, '-', or --collection with --query", kExitUsage);
  }
  return kExitOk;
}

int RunCompress(const Globals& globals, Flags& flags) {
  Client client(globals);
  v1::CompressRequest request;
  request.set_tenant(globals.tenant);
  request.set_query(flags.query);
  if (const absl::Status status = flags.compression.Fill(request.mutable_options()); !status.ok()) {
    return Fail(globals, std::string(status.message()), kExitUsage);
  }
  if (flags.no_cache) request.set_cache_policy(v1::CACHE_POLICY_BYPASS);
  if (const int code = GatherPassages(globals, flags, client, &request); code != kExitOk) return code;
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::CompressResponse response;
  if (const grpc::Status status = client.compression->Compress(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
    return kExitOk;
  }
  std::printf("%s\n", Printable(response.context().text()).c_str());
  if (!flags.quiet) {
    std::printf("\n");
    PrintReceipt(response.receipt());
  }
  return kExitOk;
}

}  // namespace

void AddCompress(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "compress", "Compress files, or what a search finds, to an exact token budget, with a receipt");
  command->add_option("files", flags->inputs, "Files, one passage each; - reads standard input");
  command->add_option("-q,--query", flags->query, "What the context is for");
  command->add_option("-c,--collection", flags->collection, "Compress what --query finds in this collection");
  flags->search.Add(command);
  flags->compression.Add(command);
  command->get_option("--budget")->required();
  command->add_option("--target-model", flags->compression.target_model,
                      "Model whose tokenizer counts (default: the server's generator)");
  command->add_flag("--no-cache", flags->no_cache, "Neither look up nor store the result");
  command->add_flag("--quiet", flags->quiet, "Print the context alone");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunCompress(globals, *flags); }; });
}

}  // namespace precis::cli
