// precis collections and precis docs: what is stored, and deleting it.
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/terminal.h"

namespace precis::cli {
namespace {

std::string LocalTime(int64_t unix_ms) {
  if (unix_ms <= 0) return "-";
  const time_t seconds = static_cast<time_t>(unix_ms / 1000);
  tm parts;
  localtime_r(&seconds, &parts);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M", &parts);
  return buffer;
}

const char* StateName(v1::ErasureState state) {
  return state == v1::ERASURE_STATE_ERASED ? "erased, caches included" : "hidden and durable; caches follow";
}

void PrintCollection(const v1::Collection& c) {
  std::printf("%s\n", Styled(OneLine(c.name(), 128), Style::kBold, STDOUT_FILENO).c_str());
  std::printf("  encoder      %s (%d dimensions)\n", OneLine(c.encoder_model(), 80).c_str(), c.dimensions());
  std::printf("  fingerprint  %s\n", OneLine(c.encoder_fingerprint(), 80).c_str());
  std::printf("  chunks of    at most %d tokens, %d shared\n", c.splitter().max_tokens(),
              c.splitter().overlap_tokens());
  std::printf("  holds        %s, %s, %s, %s of text\n", Counted(c.document_count(), "document").c_str(),
              Counted(c.chunk_count(), "chunk").c_str(), Counted(c.token_count(), "token").c_str(),
              HumanBytes(c.text_bytes()).c_str());
  std::printf("  on disk      %s\n", HumanBytes(c.size_bytes()).c_str());
  std::printf("  index        %s, %s entries, %s deleted, %s of memory%s%s\n",
              c.active_vector_index_kind() == v1::VECTOR_INDEX_KIND_HNSW ? "HNSW graph" : "exact",
              WithThousands(c.vector_index().live_count()).c_str(),
              WithThousands(c.vector_index().deleted_count()).c_str(),
              HumanBytes(c.vector_index().memory_bytes()).c_str(), c.vector_index().detail().empty() ? "" : "; ",
              OneLine(c.vector_index().detail(), 200).c_str());
  std::printf("  created      %s\n", LocalTime(c.created_unix_ms()).c_str());
}

int ListCollections(const Globals& globals) {
  Client client(globals);
  v1::ListCollectionsRequest request;
  request.set_tenant(globals.tenant);
  Table table({"collection", "documents", "chunks", "tokens", "text", "encoder"});
  do {
    auto context = client.Context();
    CancelOnInterrupt cancel(context.get());
    v1::ListCollectionsResponse response;
    if (const grpc::Status status = client.collections->ListCollections(context.get(), request, &response);
        !status.ok()) {
      return Fail(globals, status);
    }
    for (const auto& c : response.collections()) {
      if (globals.json) PrintJson(c);
      table.AddRow({OneLine(c.name(), 64), WithThousands(c.document_count()), WithThousands(c.chunk_count()),
                    WithThousands(c.token_count()), HumanBytes(c.text_bytes()), OneLine(c.encoder_model(), 64)});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (globals.json) return kExitOk;
  if (table.empty()) {
    std::printf("no collections; 'precis index PATH' makes one\n");
  } else {
    table.Print();
  }
  return kExitOk;
}

// What --json shows of a reply: all of it, or of a reply that only wraps a collection, that.
const google::protobuf::Message& Shown(const google::protobuf::Message& response) { return response; }
const google::protobuf::Message& Shown(const v1::GetCollectionResponse& response) { return response.collection(); }
const google::protobuf::Message& Shown(const v1::CreateCollectionResponse& response) { return response.collection(); }

// One call, which Ctrl-C cancels, and its reply: to programs with --json, to people by `print`. Gives the exit status.
template <class Response, class Invoke, class Print>
int CallAndPrint(const Globals& globals, Client& client, const Invoke& invoke, const Print& print) {
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  Response response;
  if (const grpc::Status status = invoke(context.get(), &response); !status.ok()) return Fail(globals, status);
  if (globals.json) {
    PrintJson(Shown(response));
  } else {
    print(response);
  }
  return kExitOk;
}

int ShowCollection(const Globals& globals, const std::string& name) {
  Client client(globals);
  v1::GetCollectionRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(name);
  return CallAndPrint<v1::GetCollectionResponse>(
      globals, client,
      [&](auto* context, auto* response) { return client.collections->GetCollection(context, request, response); },
      [](const auto& response) { PrintCollection(response.collection()); });
}

struct PrepareFlags {
  std::string name, method = "crag", target_model;
  std::vector<std::string> parameters;
  std::vector<int64_t> budgets = {1024};
};

int PrepareCollection(const Globals& globals, const PrepareFlags& flags) {
  v1::PrepareCollectionRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  request.set_method(flags.method);
  request.set_target_model(flags.target_model);
  for (const int64_t budget : flags.budgets) request.add_budget_tokens(budget);
  for (const std::string& parameter : flags.parameters) {
    const size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(globals, "--param '" + parameter + "' is not NAME=VALUE", kExitUsage);
    }
    (*request.mutable_parameters())[parameter.substr(0, equals)] = parameter.substr(equals + 1);
  }
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.collections->PrepareCollection(context.get(), request);
  v1::PrepareCollectionResponse event;
  v1::PrepareResult result;
  {
    std::unique_ptr<Progress> bar;
    while (stream->Read(&event)) {
      if (globals.json) PrintJson(event);
      if (event.has_result()) result = event.result();
      if (!event.has_progress()) continue;
      if (bar == nullptr) bar = std::make_unique<Progress>("prepare", event.progress().total(), !globals.json);
      bar->Update(event.progress().done(), Counted(event.progress().done(), "document"));
    }
  }
  if (const grpc::Status status = stream->Finish(); !status.ok()) return Fail(globals, status);
  if (!globals.json) {
    std::printf("%s prepared with %s, %s of them were there before\n",
                Counted(result.prepared_count(), "compressed form").c_str(), flags.method.c_str(),
                WithThousands(result.cache_hits()).c_str());
  }
  return kExitOk;
}

struct CreateFlags {
  std::string name, encoder, description, kind = "auto";
  int max_tokens = 0, overlap = -1;
};

int CreateCollection(const Globals& globals, const CreateFlags& flags) {
  Client client(globals);
  v1::CreateCollectionRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  request.set_encoder_model(flags.encoder);
  request.set_description(flags.description);
  request.mutable_splitter()->set_max_tokens(flags.max_tokens);
  if (flags.overlap >= 0) request.mutable_splitter()->set_overlap_tokens(flags.overlap);
  request.set_vector_index_kind(flags.kind == "flat"   ? v1::VECTOR_INDEX_KIND_FLAT
                                : flags.kind == "hnsw" ? v1::VECTOR_INDEX_KIND_HNSW
                                                       : v1::VECTOR_INDEX_KIND_AUTO);
  return CallAndPrint<v1::CreateCollectionResponse>(
      globals, client,
      [&](auto* context, auto* response) { return client.collections->CreateCollection(context, request, response); },
      [](const auto& response) { PrintCollection(response.collection()); });
}

int DeleteCollection(const Globals& globals, const std::string& name, bool wait) {
  Client client(globals);
  v1::DeleteCollectionRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(name);
  request.set_wait_for_erasure(wait);
  return CallAndPrint<v1::DeleteCollectionResponse>(
      globals, client,
      [&](auto* context, auto* response) { return client.collections->DeleteCollection(context, request, response); },
      [&](const auto& response) {
        std::printf("deleted '%s' with %s: %s\n", OneLine(name, 128).c_str(),
                    Counted(response.document_count(), "document").c_str(), StateName(response.state()));
      });
}

struct DocsFlags {
  std::string collection = "default", prefix;
  std::vector<std::string> where;
  std::vector<std::string> keys;
  bool wait = false, dry_run = false, all_matching = false;
  int limit = 0;
};

// A document is named by its id (64 hexadecimal digits) or its URI; a relative path of this machine will do.
template <class Request>
void SetKey(const std::string& key, Request* request) {
  const bool id = key.size() == 64 && key.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (id) {
    request->set_document_id(key);
    return;
  }
  char* absolute = key.find("://") == std::string::npos ? ::realpath(key.c_str(), nullptr) : nullptr;
  request->set_uri(absolute != nullptr ? absolute : key);
  ::free(absolute);
}

int ListDocs(const Globals& globals, const DocsFlags& flags) {
  Client client(globals);
  v1::ListDocumentsRequest request;
  request.set_tenant(globals.tenant);
  request.set_collection(flags.collection);
  request.set_uri_prefix(flags.prefix);
  if (!flags.where.empty()) {
    if (const absl::Status status = ParseWhere(flags.where, request.mutable_filter()); !status.ok()) {
      return Fail(globals, std::string(status.message()), kExitUsage);
    }
  }
  Table table({"id", "chunks", "tokens", "stored", "uri"});
  int count = 0;
  do {
    if (flags.limit > 0) request.set_page_size(flags.limit - count);
    auto context = client.Context();
    CancelOnInterrupt cancel(context.get());
    v1::ListDocumentsResponse response;
    const grpc::Status status = client.documents->ListDocuments(context.get(), request, &response);
    if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
      return Fail(globals, grpc::Status(status.error_code(), status.error_message() + "; 'precis index PATH' makes one",
                                        status.error_details()));
    }
    if (!status.ok()) return Fail(globals, status);
    for (const auto& d : response.documents()) {
      ++count;
      if (globals.json) PrintJson(d);
      table.AddRow({d.document_id().substr(0, 12), WithThousands(d.chunk_count()), WithThousands(d.token_count()),
                    LocalTime(d.ingested_unix_ms()), OneLine(d.uri(), 4096)});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && (flags.limit == 0 || count < flags.limit));
  if (globals.json) return kExitOk;
  if (!table.empty()) {
    table.Print();
    std::printf("%s\n", Counted(count, "document").c_str());
  } else if (!flags.where.empty() || !flags.prefix.empty()) {
    std::printf("no document matches\n");
  } else {
    std::printf("no documents in '%s'; 'precis index PATH' adds some\n", OneLine(flags.collection, 128).c_str());
  }
  return kExitOk;
}

int ShowDoc(const Globals& globals, const DocsFlags& flags) {
  Client client(globals);
  v1::GetDocumentRequest request;
  request.set_tenant(globals.tenant);
  request.set_collection(flags.collection);
  SetKey(flags.keys[0], &request);
  v1::GetDocumentResponse response;
  auto context = client.Context();
  if (const grpc::Status status = client.documents->GetDocument(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  // The text in parts, so that a large document is shown whole.
  constexpr int64_t kPart = 1 << 20;
  std::string text;
  request.set_include_text(true);
  request.set_version_id(response.document().version_id());
  while (static_cast<int64_t>(text.size()) < response.document().text_bytes()) {
    const auto at = static_cast<int64_t>(text.size());
    request.mutable_text_range()->set_begin(at);
    request.mutable_text_range()->set_end(std::min(at + kPart, response.document().text_bytes()));
    v1::GetDocumentResponse part;
    context = client.Context();
    if (const grpc::Status status = client.documents->GetDocument(context.get(), request, &part); !status.ok()) {
      return Fail(globals, status);
    }
    if (part.text().empty()) break;
    text += part.text();
  }
  if (globals.json) {
    response.set_text(text);
    PrintJson(response);
    return kExitOk;
  }
  const auto& d = response.document();
  std::printf("%s\n  id %s\n  version %s\n  %s, %s, %s, stored %s\n",
              Styled(OneLine(d.uri(), 4096), Style::kBold, STDOUT_FILENO).c_str(), d.document_id().c_str(),
              d.version_id().c_str(), OneLine(d.media_type(), 80).c_str(), Counted(d.chunk_count(), "chunk").c_str(),
              Counted(d.token_count(), "token").c_str(), LocalTime(d.ingested_unix_ms()).c_str());
  for (const auto& warning : d.warnings()) std::printf("  note: %s\n", OneLine(warning, 300).c_str());
  std::printf("\n%s\n", Printable(text).c_str());
  return kExitOk;
}

int DeleteDocs(const Globals& globals, const DocsFlags& flags) {
  Client client(globals);
  int failed = 0;
  for (const std::string& key : flags.keys) {
    v1::DeleteDocumentRequest request;
    request.set_tenant(globals.tenant);
    request.set_collection(flags.collection);
    request.set_wait_for_erasure(flags.wait);
    SetKey(key, &request);
    const int exit = CallAndPrint<v1::DeleteDocumentResponse>(
        globals, client,
        [&](auto* context, auto* response) { return client.documents->DeleteDocument(context, request, response); },
        [&](const auto& response) {
          std::printf("deleted %s: %s\n", OneLine(key, 4096).c_str(), StateName(response.state()));
        });
    if (exit != kExitOk) ++failed;
  }
  if (!flags.where.empty()) {
    v1::DeleteDocumentsByFilterRequest request;
    request.set_tenant(globals.tenant);
    request.set_collection(flags.collection);
    request.set_dry_run(flags.dry_run);
    request.set_wait_for_erasure(flags.wait);
    if (const absl::Status status = ParseWhere(flags.where, request.mutable_filter()); !status.ok()) {
      return Fail(globals, std::string(status.message()), kExitUsage);
    }
    const int exit = CallAndPrint<v1::DeleteDocumentsByFilterResponse>(
        globals, client,
        [&](auto* context, auto* response) {
          return client.documents->DeleteDocumentsByFilter(context, request, response);
        },
        [&](const auto& response) {
          std::printf("%s %s\n", flags.dry_run ? "would delete" : "deleted",
                      Counted(response.document_count(), "document").c_str());
        });
    if (exit != kExitOk) return exit;
  }
  if (failed == 0) return kExitOk;
  return failed < static_cast<int>(flags.keys.size()) ? kExitPartlyFailed : kExitFailed;
}

}  // namespace

void AddCollections(CLI::App& app, const Globals& globals, Run* run) {
  CLI::App* group = app.add_subcommand("collections", "List, show, create, prepare and delete collections");
  group->require_subcommand(1);
  group->add_subcommand("list", "List collections")->callback([&globals, run] {
    *run = [&globals] { return ListCollections(globals); };
  });
  auto name = std::make_shared<std::string>();
  auto wait = std::make_shared<bool>(false);
  CLI::App* show = group->add_subcommand("show", "Show one");
  show->add_option("name", *name, "Its name")->required();
  show->callback([&globals, name, run] { *run = [&globals, name] { return ShowCollection(globals, *name); }; });
  auto create = std::make_shared<CreateFlags>();
  CLI::App* make = group->add_subcommand("create", "Create one");
  make->add_option("name", create->name, "Its name")->required();
  make->add_option("--encoder", create->encoder, "Encoder, NAME or NAME@int8-v1 (default: the server's)");
  make->add_option("--max-tokens", create->max_tokens, "Tokens of a chunk at most");
  make->add_option("--overlap", create->overlap, "Tokens that neighbours share at most");
  make->add_option("--index", create->kind, "auto, flat or hnsw")->check(CLI::IsMember({"auto", "flat", "hnsw"}));
  make->add_option("--description", create->description, "For people");
  make->callback([&globals, create, run] { *run = [&globals, create] { return CreateCollection(globals, *create); }; });
  auto prepare = std::make_shared<PrepareFlags>();
  CLI::App* ahead = group->add_subcommand(
      "prepare", "Compress each document's passages ahead of the questions; goes on where an earlier run was cut off");
  ahead->add_option("name", prepare->name, "Its name")->required();
  ahead->add_option("-m,--method", prepare->method, "Compression method that needs no query")->capture_default_str();
  ahead->add_option("--budget", prepare->budgets, "Token budget; may be given several times")
      ->allow_extra_args(false)
      ->check(CLI::Range(int64_t{1}, int64_t{262144}))
      ->capture_default_str();
  ahead->add_option("--param", prepare->parameters, "NAME=VALUE, a parameter of the method; may be given several times")
      ->allow_extra_args(false);
  ahead->add_option("--target-model", prepare->target_model,
                    "Model whose tokenizer counts (default: the server's generator)");
  ahead->callback(
      [&globals, prepare, run] { *run = [&globals, prepare] { return PrepareCollection(globals, *prepare); }; });
  CLI::App* remove = group->add_subcommand("delete", "Delete one with everything in it");
  remove->add_option("name", *name, "Its name")->required();
  remove->add_flag("--wait", *wait, "Return only when every cache has let go of it");
  remove->callback([&globals, name, wait, run] {
    *run = [&globals, name, wait] { return DeleteCollection(globals, *name, *wait); };
  });
}

void AddDocs(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<DocsFlags>();
  CLI::App* group = app.add_subcommand("docs", "List, show and delete documents");
  group->require_subcommand(1);
  group->fallthrough();
  group->add_option("-c,--collection", flags->collection, "Collection")->capture_default_str();
  CLI::App* list = group->add_subcommand("list", "List documents");
  list->add_option("--prefix", flags->prefix, "Only URIs that begin so");
  list->add_option("--where", flags->where, "Only documents whose metadata match (see 'precis search --help')");
  list->add_option("--limit", flags->limit, "At most so many; 0: all")->check(CLI::Range(0, 1000000));
  list->callback([&globals, flags, run] { *run = [&globals, flags] { return ListDocs(globals, *flags); }; });
  CLI::App* show = group->add_subcommand("show", "Show a document's stored text");
  show->add_option("document", flags->keys, "Its id, path or URL")->required()->expected(1);
  show->callback([&globals, flags, run] { *run = [&globals, flags] { return ShowDoc(globals, *flags); }; });
  CLI::App* remove = group->add_subcommand("delete", "Delete documents with their vectors and cached contexts");
  remove->add_option("documents", flags->keys, "Ids, paths or URLs");
  remove->add_option("--where", flags->where, "Delete what matches");
  remove->add_flag("--dry-run", flags->dry_run, "With --where: only count");
  remove->add_flag("--wait", flags->wait, "Return only when every cache has let go of them");
  remove->callback([&globals, flags, run] {
    if (flags->keys.empty() && flags->where.empty()) {
      throw CLI::RequiredError("a document or --where");
    }
    *run = [&globals, flags] { return DeleteDocs(globals, *flags); };
  });
}

}  // namespace precis::cli
