// Surprisals of sentences that were scored before. A conversation comes back with every question, longer by one round:
// only what is new is scored. Holds numbers and hashes, no text.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace precis::compress {

// Least recently used goes first. Thread-safe.
class SurprisalMemory {
 public:
  explicit SurprisalMemory(size_t capacity) : capacity_(capacity) {}

  // False where it is not there.
  bool Get(const std::string& key, std::vector<double>* values);
  void Put(const std::string& key, std::vector<double> values);

 private:
  using Entry = std::pair<std::string, std::vector<double>>;
  const size_t capacity_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

}  // namespace precis::compress
