#include "cli/passages.h"

#include "cli/exit_code.h"
#include "cli/input.h"
#include "cli/interrupt.h"

namespace precis::cli {

void PassageFlags::Add(CLI::App* command, const std::string& query_help) {
  command->add_option("files", files, "Files, one passage each; - reads standard input");
  command->add_option("-q,--query", query, query_help);
  command->add_option("-c,--collection", collection, "Take what --query finds in this collection");
  search.Add(command);
}

int GatherPassages(const Globals& globals, const PassageFlags& flags, Client& client, Gathered* gathered) {
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
    gathered->passages.Swap(found.mutable_passages());
    gathered->read_epoch = found.report().read_epoch();
  }
  for (const std::string& file : flags.files) {
    const auto text = ReadTextArgument(file == "-" ? "-" : "@" + file);
    if (!text.ok()) return Fail(globals, std::string(text.status().message()), kExitFailed);
    v1::Passage* passage = gathered->passages.Add();
    passage->set_text(*text);
    passage->set_uri(file == "-" ? "standard input" : file);
  }
  if (gathered->passages.empty() && flags.collection.empty()) {
    return Fail(globals, "nothing to compress: name files, '-', or --collection with --query", kExitUsage);
  }
  return kExitOk;
}

}  // namespace precis::cli
