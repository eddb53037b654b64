#include "formats/safetensors_set.h"

#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int64_t kMaxIndexBytes = 16 << 20;
constexpr int kMaxIndexDepth = 4;
constexpr int64_t kMaxIndexEvents = 1 << 18;

absl::Status Wrong(const std::string& origin, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", what));
}

// A file beside the index, not one that the index reaches for elsewhere.
bool IsPlainName(std::string_view name) {
  return name.size() <= 255 && name.ends_with(".safetensors") && !name.starts_with('.') &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const SafetensorsSet>> SafetensorsSet::Open(const std::string& weights) {
  std::shared_ptr<SafetensorsSet> set(new SafetensorsSet(weights));
  json map = json::object();
  if (weights.ends_with(".json")) {
    PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(weights, kMaxIndexBytes));
    PRECIS_ASSIGN_OR_RETURN(const json index, ParseJson(text, kMaxIndexDepth, weights, kMaxIndexEvents));
    const auto found = index.find("weight_map");
    if (found == index.end() || !found->is_object() || found->empty()) {
      return Wrong(weights, "has no weight_map: an object of tensors and their files is needed");
    }
    map = *found;
    const std::string folder = weights.substr(0, weights.rfind('/') + 1);
    std::set<std::string> names;
    for (const auto& [tensor, part] : map.items()) {
      if (!part.is_string() || !IsPlainName(part.get_ref<const std::string&>())) {
        return Wrong(weights, absl::StrCat("weight_map puts tensor ", Quoted(tensor), " into ", JsonText(part),
                                           ", the plain name of a .safetensors file beside it is needed"));
      }
      names.insert(part.get<std::string>());
      if (names.size() > kMaxSafetensorsParts) {
        return Wrong(weights, absl::StrCat("names more than ", kMaxSafetensorsParts, " files"));
      }
    }
    for (const std::string& name : names) set->paths_.push_back(folder + name);
  } else {
    set->paths_.push_back(weights);
  }
  for (const std::string& path : set->paths_) {
    PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const SafetensorsFile> part, SafetensorsFile::Open(path));
    for (const TensorView& tensor : part->tensors().all()) {
      PRECIS_RETURN_IF_ERROR(set->tensors_.Add(tensor));
      set->part_of_.push_back(set->parts_.size());
    }
    set->parts_.push_back(std::move(part));
  }
  for (const auto& [tensor, part] : map.items()) {
    const TensorView* view = set->tensors_.Find(tensor);
    const std::string& name = part.get_ref<const std::string&>();
    if (view != nullptr) {
      const size_t index = static_cast<size_t>(view - set->tensors_.all().data());
      if (set->paths_[set->part_of_[index]].ends_with("/" + name) || set->paths_[set->part_of_[index]] == name)
        continue;
    }
    return Wrong(weights, absl::StrCat("tensor ", Quoted(tensor), " is not in ", Quoted(name),
                                       ": the folder was not copied whole, or holds parts of two models"));
  }
  return set;
}

int64_t SafetensorsSet::size_bytes() const {
  int64_t bytes = 0;
  for (const auto& part : parts_) bytes += part->size_bytes();
  return bytes;
}

void SafetensorsSet::Release(const TensorView& tensor) const {
  const size_t index = static_cast<size_t>(&tensor - tensors_.all().data());
  if (index < part_of_.size()) parts_[part_of_[index]]->Release(tensor);
}

}  // namespace precis::engine
