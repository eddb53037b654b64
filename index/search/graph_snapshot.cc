#include "search/graph_snapshot.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "storage/codec.h"

namespace precis::index {
namespace {

constexpr std::string_view kMagic = "precis-graph\n";
constexpr uint8_t kFormat = 1;
constexpr size_t kDigestBytes = 32;

absl::Status Damaged(const std::string& path, const char* how) {
  return absl::DataLossError(absl::StrCat("graph snapshot '", path, "' ", how));
}

std::string DigestOf(std::string_view bytes) {
  const Digest digest = Hasher().Raw(bytes).Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace

uint32_t GraphSnapshot::slots() const {
  uint32_t slots = 0;
  for (const GraphRun& run : runs) slots += run.chunks;
  return slots;
}

std::vector<GraphRun> RunsOf(const SlotView& view) {
  std::vector<GraphRun> runs;
  const DocumentEntry* last = nullptr;
  for (uint32_t slot = 0; slot < view.size(); ++slot) {
    const std::shared_ptr<const DocumentEntry> document = view.shared_document(slot);
    if (runs.empty() || document.get() != last) {
      last = document.get();
      runs.push_back({last == nullptr ? std::string() : last->version_prefix(), 0});
    }
    ++runs.back().chunks;
  }
  return runs;
}

absl::Status WriteGraphSnapshot(const std::string& path, const GraphSnapshot& snapshot) {
  Encoder out;
  out.Raw(kMagic).Byte(kFormat).Varint(snapshot.identity.uid).String(snapshot.identity.encoder_fingerprint);
  out.Signed(snapshot.identity.dimensions).Signed(snapshot.identity.metric).Varint(snapshot.sequence);
  out.Varint(snapshot.runs.size());
  for (const GraphRun& run : snapshot.runs) out.String(run.version_prefix).Varint(run.chunks);
  out.String(snapshot.links);
  std::string bytes = out.Take();
  bytes += DigestOf(bytes);
  PRECIS_RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path().string()));
  return WriteFileDurably(path, bytes);
}

absl::StatusOr<GraphSnapshot> ReadGraphSnapshot(const std::string& path, const GraphIdentity& identity) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return absl::NotFoundError(absl::StrCat("'", path, "' is not there"));
  const auto file = MappedFile::Open(path);
  if (!file.ok()) return Damaged(path, "cannot be read");
  const std::string_view bytes = (*file)->bytes();
  if (bytes.size() < kMagic.size() + kDigestBytes || !bytes.starts_with(kMagic)) return Damaged(path, "is no snapshot");
  const std::string_view content = bytes.substr(0, bytes.size() - kDigestBytes);
  if (DigestOf(content) != bytes.substr(content.size())) return Damaged(path, "fails its checksum");
  Decoder in(content.substr(kMagic.size()));
  if (const uint8_t format = in.Byte(); format != kFormat) {
    return absl::FailedPreconditionError(absl::StrCat("graph snapshot '", path, "' has format ",
                                                      static_cast<int>(format), ", this program knows ",
                                                      static_cast<int>(kFormat)));
  }
  GraphSnapshot snapshot;
  snapshot.identity.uid = in.Varint();
  snapshot.identity.encoder_fingerprint = in.String();
  snapshot.identity.dimensions = static_cast<int>(in.Signed());
  snapshot.identity.metric = static_cast<int>(in.Signed());
  snapshot.sequence = in.Varint();
  uint64_t slots = 0;
  for (uint64_t n = in.Count(2); n > 0 && in.ok(); --n) {
    GraphRun run;
    run.version_prefix = in.String();
    const uint64_t chunks = in.Varint();
    slots += chunks;
    // Every slot has links: a count that the file cannot hold is wrong.
    if (chunks > content.size() || slots > content.size()) return Damaged(path, "counts more nodes than it holds");
    run.chunks = static_cast<uint32_t>(chunks);
    snapshot.runs.push_back(std::move(run));
  }
  snapshot.links = in.String();
  if (!in.Finished()) return Damaged(path, "is cut off");
  if (snapshot.identity != identity) {
    return absl::FailedPreconditionError(
        absl::StrCat("graph snapshot '", path, "' belongs to another collection or encoder"));
  }
  return snapshot;
}

}  // namespace precis::index
