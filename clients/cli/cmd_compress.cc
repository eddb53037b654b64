// precis compress: passages of a search, or files, into a context within a token budget.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/passages.h"
#include "cli/receipt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

struct Flags {
  PassageFlags passages;
  CompressionFlags compression;
  bool no_cache = false, quiet = false;
};

int RunCompress(const Globals& globals, Flags& flags) {
  Client client(globals);
  v1::CompressRequest request;
  request.set_tenant(globals.tenant);
  request.set_query(flags.passages.query);
  if (const absl::Status status = flags.compression.Fill(request.mutable_options()); !status.ok()) {
    return Fail(globals, std::string(status.message()), kExitUsage);
  }
  if (flags.no_cache) request.set_cache_policy(v1::CACHE_POLICY_BYPASS);
  Gathered gathered;
  if (const int code = GatherPassages(globals, flags.passages, client, &gathered); code != kExitOk) return code;
  request.mutable_passages()->Swap(&gathered.passages);
  request.set_read_epoch(gathered.read_epoch);
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
  flags->passages.Add(command, "What the context is for");
  flags->compression.Add(command);
  command->get_option("--budget")->required();
  command->add_option("--target-model", flags->compression.target_model,
                      "Model whose tokenizer counts (default: the server's generator)");
  command->add_flag("--no-cache", flags->no_cache, "Neither look up nor store the result");
  command->add_flag("--quiet", flags->quiet, "Print the context alone");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return RunCompress(globals, *flags); }; });
}

}  // namespace precis::cli
