#include "methods/surprisal_memory.h"

#include <utility>

namespace precis::compress {

bool SurprisalMemory::Get(const std::string& key, std::vector<double>* values) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = places_.find(key);
  if (found == places_.end()) return false;
  entries_.splice(entries_.begin(), entries_, found->second);
  *values = found->second->second;
  return true;
}

void SurprisalMemory::Put(const std::string& key, std::vector<double> values) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (places_.count(key) > 0) return;  // the same numbers, by another call
  entries_.emplace_front(key, std::move(values));
  places_[key] = entries_.begin();
  if (entries_.size() <= capacity_) return;
  places_.erase(entries_.back().first);
  entries_.pop_back();
}

}  // namespace precis::compress
