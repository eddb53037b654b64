// precis stats and precis health.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

int RunStats(const Globals& globals) {
  Client client(globals);
  v1::StatsRequest request;
  request.set_tenant(globals.tenant);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::StatsResponse response;
  if (const grpc::Status status = client.admin->Stats(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
    return kExitOk;
  }
  std::printf("%s, %s, %s; %s saved; %s pending\n\n", Counted(response.collection_count(), "collection").c_str(),
              Counted(response.document_count(), "document").c_str(), Counted(response.chunk_count(), "chunk").c_str(),
              Counted(response.tokens_saved(), "token").c_str(),
              Counted(response.pending_erasures(), "erasure").c_str());
  std::map<std::string, std::string> processes;  // by address: the first role there, which shows the memory of all
  Table roles({"role", "state", "memory", "disk", "kernels", "detail"});
  Table caches({"cache", "entries", "size", "hits", "misses", "erased"});
  Table queues({"queue", "running", "waiting", "capacity", "rejected"});
  for (const auto& role : response.roles()) {
    const auto [process, first] = processes.emplace(role.address(), OneLine(role.role(), 20));
    roles.AddRow(
        {OneLine(role.role(), 20),
         role.reachable() ? Styled("up", Style::kGreen, STDOUT_FILENO) : Styled("DOWN", Style::kRed, STDOUT_FILENO),
         first ? HumanBytes(role.resident_bytes()) : "with " + process->second, HumanBytes(role.disk_bytes()),
         OneLine(role.instruction_set(), 20), OneLine(role.detail(), 300)});
    for (const auto& cache : role.caches()) {
      caches.AddRow({OneLine(cache.name(), 40), WithThousands(cache.entry_count()), HumanBytes(cache.size_bytes()),
                     WithThousands(cache.hit_count()), WithThousands(cache.miss_count()),
                     WithThousands(cache.erased_count())});
    }
    for (const auto& queue : role.queues()) {
      queues.AddRow({OneLine(queue.name(), 40), std::to_string(queue.running_count()),
                     std::to_string(queue.waiting_count()), std::to_string(queue.capacity()),
                     WithThousands(queue.rejected_count())});
    }
  }
  for (Table* table : {&roles, &caches, &queues}) {
    if (table->empty()) continue;
    table->Print();
    std::printf("\n");
  }
  return kExitOk;
}

// Health by the Stats RPC of the gateway: it asks every role, so that one line a role can be shown.
int RunHealth(const Globals& globals) {
  Client client(globals);
  v1::StatsResponse response;
  auto context = client.Context();
  context->set_deadline(
      std::chrono::system_clock::now() +
      std::chrono::milliseconds(globals.timeout_s > 0 ? static_cast<int64_t>(globals.timeout_s * 1e3) : 5000));
  CancelOnInterrupt cancel(context.get());
  if (const grpc::Status status = client.admin->Stats(context.get(), v1::StatsRequest(), &response); !status.ok()) {
    return Fail(globals, status);
  }
  int down = 0;
  for (const auto& role : response.roles()) {
    down += !role.reachable();
    if (globals.json) {
      std::printf("{\"role\":\"%s\",\"up\":%s,\"detail\":\"%s\"}\n", JsonEscape(role.role()).c_str(),
                  role.reachable() ? "true" : "false", JsonEscape(role.detail()).c_str());
      continue;
    }
    std::printf("%-12s %s%s%s\n", OneLine(role.role(), 20).c_str(),
                role.reachable() ? Styled("up", Style::kGreen, STDOUT_FILENO).c_str()
                                 : Styled("DOWN", Style::kRed, STDOUT_FILENO).c_str(),
                role.detail().empty() ? "" : "  ", OneLine(role.detail(), 300).c_str());
  }
  if (down == 0) return kExitOk;
  return down < response.roles_size() ? kExitPartlyFailed : kExitFailed;
}

}  // namespace

void AddStats(CLI::App& app, const Globals& globals, Run* run) {
  app.add_subcommand("stats", "Show what the server holds and does")->callback([&globals, run] {
    *run = [&globals] { return RunStats(globals); };
  });
}

void AddHealth(CLI::App& app, const Globals& globals, Run* run) {
  app.add_subcommand("health", "Show which roles answer. Exit code 0: all, 3: some, 1: none")
      ->callback([&globals, run] { *run = [&globals] { return RunHealth(globals); }; });
}

}  // namespace precis::cli
