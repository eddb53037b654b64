// precis capsule: compressed texts with a name, to use again.
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/passages.h"
#include "cli/receipt.h"
#include "cli/terminal.h"
#include "precis/base/file.h"

namespace precis::cli {
namespace {

constexpr size_t kPartBytes = 1 << 20;
constexpr int64_t kMaxFileBytes = 4 << 20;

struct Flags {
  std::string name, file, description;
  int version = 0, candidates = 0;
  bool replace = false;
  std::vector<std::string> probes;
  PassageFlags passages;
  CompressionFlags compression;
};

std::string Percent(double part) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%.0f %%", part * 100);
  return buffer;
}

std::string Fidelity(const v1::CapsuleUtility& utility) {
  if (!utility.has_fidelity()) return "-";
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "%.3f", utility.fidelity());
  return buffer;
}

std::string Agreement(const v1::CapsuleUtility& utility) {
  return utility.has_answer_agreement() ? Percent(utility.answer_agreement()) : "-";
}

void PrintCapsule(const v1::Capsule& capsule) {
  std::printf("%s\n\n", Printable(capsule.context().text()).c_str());
  std::printf("%s %s, version %d, made from %s\n", Styled("Capsule", Style::kBold, STDOUT_FILENO).c_str(),
              OneLine(capsule.name(), 128).c_str(), capsule.version(),
              Counted(capsule.source_document_ids_size(), "document").c_str());
  if (!capsule.description().empty()) std::printf("  %s\n", OneLine(capsule.description(), 1024).c_str());
  std::printf("  fidelity %s; answers agree: %s of %s\n", Fidelity(capsule.utility()).c_str(),
              Agreement(capsule.utility()).c_str(), Counted(capsule.utility().probe_count(), "probe question").c_str());
  PrintReceipt(capsule.receipt());
}

int Create(const Globals& globals, const Flags& flags) {
  v1::CreateCapsuleRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  request.set_replace(flags.replace);
  request.set_description(flags.description);
  request.set_candidate_count(flags.candidates);
  for (const std::string& probe : flags.probes) request.add_probe_questions(probe);
  if (const absl::Status status = flags.compression.Fill(request.mutable_options()); !status.ok()) {
    return Fail(globals, std::string(status.message()), kExitUsage);
  }
  Client client(globals);
  Gathered gathered;
  if (const int code = GatherPassages(globals, flags.passages, client, &gathered); code != kExitOk) return code;
  request.mutable_passages()->Swap(&gathered.passages);
  request.set_read_epoch(gathered.read_epoch);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::CreateCapsuleResponse response;
  if (const grpc::Status status = client.compression->CreateCapsule(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  globals.json ? PrintJson(response.capsule()) : PrintCapsule(response.capsule());
  return kExitOk;
}

int List(const Globals& globals) {
  Client client(globals);
  v1::ListCapsulesRequest request;
  request.set_tenant(globals.tenant);
  Table table({"capsule", "version", "tokens", "documents", "fidelity", "answers agree", "description"});
  do {
    auto context = client.Context();
    CancelOnInterrupt cancel(context.get());
    v1::ListCapsulesResponse response;
    if (const grpc::Status status = client.compression->ListCapsules(context.get(), request, &response); !status.ok()) {
      return Fail(globals, status);
    }
    for (const v1::Capsule& c : response.capsules()) {
      if (globals.json) PrintJson(c);
      table.AddRow({OneLine(c.name(), 64), std::to_string(c.version()), WithThousands(c.receipt().tokens_out()),
                    WithThousands(c.source_document_ids_size()), Fidelity(c.utility()), Agreement(c.utility()),
                    OneLine(c.description(), 200)});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (globals.json) return kExitOk;
  if (table.empty()) {
    std::printf("no capsules; 'precis capsule create' makes one\n");
  } else {
    table.Print();
  }
  return kExitOk;
}

int Show(const Globals& globals, const Flags& flags) {
  Client client(globals);
  v1::GetCapsuleRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  request.set_version(flags.version);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::GetCapsuleResponse response;
  if (const grpc::Status status = client.compression->GetCapsule(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  globals.json ? PrintJson(response.capsule()) : PrintCapsule(response.capsule());
  return kExitOk;
}

int Delete(const Globals& globals, const Flags& flags) {
  Client client(globals);
  v1::DeleteCapsuleRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::DeleteCapsuleResponse response;
  if (const grpc::Status status = client.compression->DeleteCapsule(context.get(), request, &response); !status.ok()) {
    return Fail(globals, status);
  }
  if (globals.json) {
    PrintJson(response);
  } else {
    std::printf("deleted %s with %s\n", flags.name.c_str(), Counted(response.version_count(), "version").c_str());
  }
  return kExitOk;
}

int Export(const Globals& globals, const Flags& flags) {
  Client client(globals);
  v1::ExportCapsuleRequest request;
  request.set_tenant(globals.tenant);
  request.set_name(flags.name);
  request.set_version(flags.version);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  auto stream = client.compression->ExportCapsule(context.get(), request);
  std::string bytes;
  for (v1::ExportCapsuleResponse part; stream->Read(&part);) bytes += part.content();
  if (const grpc::Status status = stream->Finish(); !status.ok()) return Fail(globals, status);
  if (flags.file == "-") {
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
    return written ? kExitOk : Fail(globals, "standard output cannot be written", kExitFailed);
  }
  const std::string path = flags.file.empty() ? flags.name + ".capsule" : flags.file;
  if (const absl::Status status = WriteFileDurably(path, bytes); !status.ok()) {
    return Fail(globals, std::string(status.message()), kExitFailed);
  }
  if (!globals.json)
    std::printf("wrote %s to %s\n", HumanBytes(static_cast<int64_t>(bytes.size())).c_str(), path.c_str());
  return kExitOk;
}

int Import(const Globals& globals, const Flags& flags) {
  const auto bytes = ReadFile(flags.file, kMaxFileBytes);
  if (!bytes.ok()) return Fail(globals, std::string(bytes.status().message()), kExitFailed);
  Client client(globals);
  auto context = client.Context();
  CancelOnInterrupt cancel(context.get());
  v1::ImportCapsuleResponse response;
  auto stream = client.compression->ImportCapsule(context.get(), &response);
  v1::ImportCapsuleRequest part;
  part.mutable_header()->set_tenant(globals.tenant);
  part.mutable_header()->set_name(flags.name);
  part.mutable_header()->set_replace(flags.replace);
  bool open = stream->Write(part);
  for (size_t at = 0; at < bytes->size() && open; at += kPartBytes) {
    part.set_content(bytes->substr(at, kPartBytes));
    open = stream->Write(part);
  }
  stream->WritesDone();
  if (const grpc::Status status = stream->Finish(); !status.ok()) {
    const grpc::Status named(status.error_code(), flags.file + ": " + status.error_message(), status.error_details());
    return Fail(globals, named);
  }
  if (globals.json) {
    PrintJson(response.capsule());
  } else {
    std::printf("imported %s as version %d\n", OneLine(response.capsule().name(), 128).c_str(),
                response.capsule().version());
  }
  return kExitOk;
}

}  // namespace

void AddCapsule(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<Flags>();
  CLI::App* group = app.add_subcommand("capsule",
                                       "Make, list, show, delete, export and import capsules: compressed "
                                       "texts with a name, for 'precis ask --capsule'");
  group->require_subcommand(1);
  const auto command = [&](const char* name, const char* help, int (*action)(const Globals&, const Flags&)) {
    CLI::App* made = group->add_subcommand(name, help);
    made->callback(
        [&globals, flags, run, action] { *run = [&globals, flags, action] { return action(globals, *flags); }; });
    return made;
  };
  CLI::App* create = command("create", "Make one from files, or from what a search finds", Create);
  create->add_option("name", flags->name, "Its name")->required();
  flags->passages.Add(create, "What to search for, with --collection");
  flags->compression.Add(create);
  create->get_option("--budget")->required();
  create->add_option("--target-model", flags->compression.target_model,
                     "Model whose tokenizer counts (default: the server's generator)");
  create->add_option("--candidates", flags->candidates, "Texts to choose from (default: 8)")->check(CLI::Range(1, 64));
  create
      ->add_option(
          "--probe", flags->probes,
          "A question that the capsule is chosen by: it should get the same answer as from the sources; may be "
          "given several times")
      ->allow_extra_args(false);
  create->add_option("--description", flags->description, "For people");
  create->add_flag("--replace", flags->replace, "Where there is one of that name, make a new version of it");
  group->add_subcommand("list", "List them")->callback([&globals, run] {
    *run = [&globals] { return List(globals); };
  });
  CLI::App* show = command("show", "Show one", Show);
  show->add_option("name", flags->name, "Its name")->required();
  show->add_option("--version", flags->version, "Which version (default: the newest)")->check(CLI::Range(1, 1 << 30));
  CLI::App* remove = command("delete", "Delete one with all its versions", Delete);
  remove->add_option("name", flags->name, "Its name")->required();
  CLI::App* out = command("export", "Write one to a file", Export);
  out->add_option("name", flags->name, "Its name")->required();
  out->add_option("-o,--output", flags->file, "The file; - is standard output (default: NAME.capsule)");
  out->add_option("--version", flags->version, "Which version (default: the newest)")->check(CLI::Range(1, 1 << 30));
  CLI::App* in = command("import", "Store one from a file that export wrote", Import);
  in->add_option("file", flags->file, "The file")->required();
  in->add_option("--name", flags->name, "Under this name (default: the one in the file)");
  in->add_flag("--replace", flags->replace, "Where there is one of that name, make a new version of it");
}

}  // namespace precis::cli
