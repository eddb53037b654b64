// Where the passages of `compress` and `capsule create` come from.
#pragma once

#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/options.h"

namespace precis::cli {

struct PassageFlags {
  std::vector<std::string> files;  // "-": standard input
  std::string query, collection;
  SearchFlags search;

  // FILES --query --collection and those of a search.
  void Add(CLI::App* command, const std::string& query_help);
};

struct Gathered {
  google::protobuf::RepeatedPtrField<v1::Passage> passages;
  uint64_t read_epoch = 0;
};

// From a search where a collection is named, and from the files, one passage each. Gives the exit code; what went wrong
// has been printed.
int GatherPassages(const Globals& globals, const PassageFlags& flags, Client& client, Gathered* gathered);

}  // namespace precis::cli
