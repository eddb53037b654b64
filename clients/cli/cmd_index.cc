// precis index PATH...: files and folders into a collection.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/ingest.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/walk.h"

namespace precis::cli {
namespace {

struct IndexFlags {
  std::vector<std::string> paths, meta;
  std::string collection = "default", encoder, failed_file;
  WalkOptions walk;
  bool prune = false, dry_run = false, no_progress = false;
  int64_t max_file_mb = 64;
};

struct Totals {
  int64_t added = 0, replaced = 0, unchanged = 0, failed = 0, bytes = 0, chunks = 0, tokens = 0, pruned = 0;
};

class IndexRun {
 public:
  IndexRun(const Globals& globals, const IndexFlags& flags) : globals_(globals), flags_(flags), client_(globals) {}

  int Run() {
    const WalkResult found = Walk(flags_.paths, flags_.walk);
    if (found.files.empty()) {
      // Each error says why there is no file; without one nothing was there to take.
      for (const std::string& error : found.errors) Fail(globals_, error, kExitFailed);
      if (!found.errors.empty()) return kExitFailed;
      return Fail(globals_, absl::StrCat("no file to index (", found.skipped, " skipped)"), kExitFailed);
    }
    for (const std::string& error : found.errors) {
      if (globals_.json) Fail(globals_, error, kExitFailed);
      Complain(error);
    }
    walk_errors_ = static_cast<int64_t>(found.errors.size());
    if (flags_.dry_run) {
      for (const FoundFile& file : found.files) {
        if (globals_.json) {
          std::printf("{\"uri\":\"%s\",\"size_bytes\":%lld}\n", JsonEscape(file.path).c_str(),
                      static_cast<long long>(file.size));
        } else {
          std::printf("%s\n", Printable(file.path).c_str());
        }
      }
      return walk_errors_ ? kExitPartlyFailed : kExitOk;
    }
    if (const grpc::Status status = EnsureCollection(); !status.ok()) return Fail(globals_, status);

    IngestPlan plan;
    plan.tenant = globals_.tenant;
    plan.collection = flags_.collection;
    plan.files = found.files;
    plan.max_file_bytes = flags_.max_file_mb << 20;
    for (const std::string& assignment : flags_.meta) {
      std::string key;
      v1::MetadataValue value;
      if (const absl::Status status = ParseMeta(assignment, &key, &value); !status.ok()) {
        return Fail(globals_, std::string(status.message()), kExitUsage);
      }
      plan.metadata[key] = value;
    }
    int64_t all_bytes = 0;
    for (const FoundFile& file : plan.files) all_bytes += file.size;
    start_ = std::chrono::steady_clock::now();
    progress_ = std::make_unique<Progress>("indexing", all_bytes, !globals_.json && !flags_.no_progress);
    total_files_ = static_cast<int64_t>(plan.files.size());
    const grpc::Status status = IngestFiles(
        client_, plan, [this](const FoundFile& file, const v1::IngestResult& result) { Take(file, result); });
    progress_->Clear();
    if (flags_.prune && status.ok() && !Interrupted()) {
      if (const grpc::Status pruned = Prune(found); !pruned.ok()) return Fail(globals_, pruned);
    }
    WriteFailedFile();
    Summary(found.skipped);
    if (Interrupted()) return Fail(globals_, "interrupted; run the same command again to go on", kExitFailed);
    if (!status.ok()) return Fail(globals_, status);
    const int64_t good = totals_.added + totals_.replaced + totals_.unchanged;
    if (totals_.failed + walk_errors_ == 0) return kExitOk;
    return good > 0 ? kExitPartlyFailed : kExitFailed;
  }

 private:
  grpc::Status EnsureCollection() {
    v1::GetCollectionRequest get;
    get.set_tenant(globals_.tenant);
    get.set_name(flags_.collection);
    v1::GetCollectionResponse got;
    auto context = client_.Context();
    grpc::Status status = client_.collections->GetCollection(context.get(), get, &got);
    if (status.ok() && !flags_.encoder.empty() && got.collection().encoder_model() != flags_.encoder) {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                          absl::StrCat("collection '", flags_.collection, "' was made with the encoder '",
                                       got.collection().encoder_model(), "', not '", flags_.encoder,
                                       "': leave --encoder out or choose another --collection"));
    }
    if (status.error_code() != grpc::StatusCode::NOT_FOUND) return status;
    v1::CreateCollectionRequest create;
    create.set_tenant(globals_.tenant);
    create.set_name(flags_.collection);
    create.set_encoder_model(flags_.encoder);
    v1::CreateCollectionResponse created;
    context = client_.Context();
    status = client_.collections->CreateCollection(context.get(), create, &created);
    // Somebody else was faster: fine.
    if (status.error_code() == grpc::StatusCode::ALREADY_EXISTS) return grpc::Status::OK;
    return status;
  }

  void Take(const FoundFile& file, const v1::IngestResult& result) {
    totals_.bytes += file.size;
    switch (result.outcome()) {
      case v1::INGEST_OUTCOME_ADDED:
        ++totals_.added;
        break;
      case v1::INGEST_OUTCOME_REPLACED:
        ++totals_.replaced;
        break;
      case v1::INGEST_OUTCOME_UNCHANGED:
        ++totals_.unchanged;
        break;
      default:
        ++totals_.failed;
        break;
    }
    if (result.outcome() == v1::INGEST_OUTCOME_ADDED || result.outcome() == v1::INGEST_OUTCOME_REPLACED) {
      totals_.chunks += result.chunk_count();
      totals_.tokens += result.token_count();
      for (const auto& timing : result.timings()) stage_us_[timing.stage()] += timing.duration_us();
    }
    if (globals_.json) PrintJson(result);
    if (result.outcome() == v1::INGEST_OUTCOME_FAILED) {
      failed_.push_back(file.path);
      Complain(absl::StrCat("'", file.path, "': ", result.error().message()));
    }
    const double seconds = Seconds();
    const int64_t done = totals_.added + totals_.replaced + totals_.unchanged + totals_.failed;
    progress_->Update(totals_.bytes,
                      absl::StrCat(done, "/", total_files_, " files  ",
                                   WithThousands(static_cast<int64_t>(static_cast<double>(totals_.tokens) /
                                                                      std::max(seconds, 0.001))),
                                   " tokens/s", totals_.failed ? absl::StrCat("  ", totals_.failed, " failed") : ""));
  }

  // Deletes what the collection has below the folders and the walk did not find any more. A file that was found but
  // failed has not vanished, and neither has what lies where the walk could not look: both stay as they were.
  grpc::Status Prune(const WalkResult& found) {
    std::set<std::string> here;
    for (const FoundFile& file : found.files) here.insert(file.path);
    const auto stays = [&](const std::string& uri) {
      return here.count(uri) > 0 || std::any_of(found.unread.begin(), found.unread.end(), [&](const std::string& path) {
               return uri == path || uri.rfind(path + "/", 0) == 0;
             });
    };
    for (const std::string& folder : found.folders) {
      v1::ListDocumentsRequest list;
      list.set_tenant(globals_.tenant);
      list.set_collection(flags_.collection);
      list.set_uri_prefix(folder == "/" ? "/" : folder + "/");
      list.set_page_size(1000);
      v1::DeleteDocumentsByFilterRequest remove;
      remove.set_tenant(globals_.tenant);
      remove.set_collection(flags_.collection);
      auto* in = remove.mutable_filter()->mutable_is_in();
      in->set_field("$document_id");
      do {
        v1::ListDocumentsResponse page;
        auto context = client_.Context();
        const grpc::Status status = client_.documents->ListDocuments(context.get(), list, &page);
        if (!status.ok()) return status;
        // The oldest page decides: what was written after it was read is not ours to delete.
        if (remove.max_sequence() == 0) remove.set_max_sequence(page.sequence());
        for (const auto& document : page.documents()) {
          if (!stays(document.uri())) in->add_values()->set_string_value(document.document_id());
        }
        list.set_page_token(page.next_page_token());
        if (in->values_size() > 9000 || list.page_token().empty()) {
          if (in->values_size() == 0) continue;
          v1::DeleteDocumentsByFilterResponse removed;
          context = client_.Context();
          const grpc::Status deleted = client_.documents->DeleteDocumentsByFilter(context.get(), remove, &removed);
          if (!deleted.ok()) return deleted;
          totals_.pruned += removed.document_count();
          in->clear_values();
        }
      } while (!list.page_token().empty());
    }
    return grpc::Status::OK;
  }

  void Complain(const std::string& sentence) {
    if (progress_) progress_->Clear();
    if (globals_.json) return;
    std::fprintf(stderr, "%s %s\n", Styled("failed", Style::kRed, STDERR_FILENO).c_str(), Printable(sentence).c_str());
  }

  void WriteFailedFile() {
    if (flags_.failed_file.empty()) return;
    FILE* file = std::fopen(flags_.failed_file.c_str(), "w");
    if (file == nullptr) {
      Complain(absl::StrCat("cannot write '", flags_.failed_file, "'"));
      return;
    }
    for (const std::string& path : failed_) std::fprintf(file, "%s\n", path.c_str());
    std::fclose(file);
  }

  void Summary(int64_t skipped) {
    const double seconds = Seconds();
    if (globals_.json) {
      std::printf(
          "{\"summary\":{\"added\":%lld,\"replaced\":%lld,\"unchanged\":%lld,\"failed\":%lld,\"skipped\":%lld,"
          "\"pruned\":%lld,\"chunks\":%lld,\"tokens\":%lld,\"bytes\":%lld,\"seconds\":%.3f}}\n",
          static_cast<long long>(totals_.added), static_cast<long long>(totals_.replaced),
          static_cast<long long>(totals_.unchanged), static_cast<long long>(totals_.failed + walk_errors_),
          static_cast<long long>(skipped), static_cast<long long>(totals_.pruned),
          static_cast<long long>(totals_.chunks), static_cast<long long>(totals_.tokens),
          static_cast<long long>(totals_.bytes), seconds);
      return;
    }
    std::string line = absl::StrCat(WithThousands(totals_.added), " added, ", WithThousands(totals_.replaced),
                                    " replaced, ", WithThousands(totals_.unchanged), " unchanged, ",
                                    WithThousands(totals_.failed + walk_errors_), " failed");
    if (skipped > 0) absl::StrAppend(&line, ", ", WithThousands(skipped), " skipped");
    if (flags_.prune) absl::StrAppend(&line, ", ", WithThousands(totals_.pruned), " pruned");
    std::printf(
        "%s in %s: %s in %s, %s (%s tokens/s)\n", line.c_str(), HumanDuration(seconds).c_str(),
        Counted(totals_.tokens, "token").c_str(), Counted(totals_.chunks, "chunk").c_str(),
        HumanBytes(totals_.bytes).c_str(),
        WithThousands(static_cast<int64_t>(static_cast<double>(totals_.tokens) / std::max(seconds, 0.001))).c_str());
    std::string stages;
    for (const auto& [stage, us] : stage_us_) {
      absl::StrAppend(&stages, stages.empty() ? "" : ", ", OneLine(stage, 30), " ",
                      HumanDuration(static_cast<double>(us) * 1e-6));
    }
    if (!stages.empty()) std::printf("time by stage, summed over documents: %s\n", stages.c_str());
    if (totals_.failed > 0 && flags_.failed_file.empty()) {
      std::printf("(--failed-file FILE writes the failed paths, one a line)\n");
    }
  }

  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  const Globals& globals_;
  const IndexFlags& flags_;
  Client client_;
  Totals totals_;
  int64_t total_files_ = 0, walk_errors_ = 0;
  std::map<std::string, int64_t> stage_us_;
  std::vector<std::string> failed_;
  std::unique_ptr<Progress> progress_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

void AddIndex(CLI::App& app, const Globals& globals, Run* run) {
  auto flags = std::make_shared<IndexFlags>();
  CLI::App* command = app.add_subcommand(
      "index",
      "Index files and folders. Unchanged files are skipped, so the same command again goes on where it stopped. "
      "Exit code 3: some files failed.");
  command->add_option("paths", flags->paths, "Files, folders, or patterns")->required();
  command->add_option("-c,--collection", flags->collection, "Collection; made if it is not there")
      ->capture_default_str();
  command->add_option("--encoder", flags->encoder,
                      "Encoder of a new collection, NAME or NAME@int8-v1 (default: the server's)");
  command->add_option("--include", flags->walk.include, "From folders, only files that match; may be repeated");
  command->add_option("--exclude", flags->walk.exclude, "From folders, no files that match; may be repeated");
  command->add_flag("--hidden", flags->walk.hidden, "From folders, hidden files too");
  command->add_option("--meta", flags->meta, "KEY=VALUE for every document; may be repeated");
  command->add_flag("--prune", flags->prune, "Delete documents below the given folders whose files are gone");
  command->add_option("--max-file-mb", flags->max_file_mb, "Larger files fail")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  command->add_option("--failed-file", flags->failed_file, "Write the paths that failed into this file");
  command->add_flag("--dry-run", flags->dry_run, "Print the files that would be sent");
  command->add_flag("--no-progress", flags->no_progress, "No progress bar");
  command->callback([&globals, flags, run] { *run = [&globals, flags] { return IndexRun(globals, *flags).Run(); }; });
}

}  // namespace precis::cli
