#include "gateway/answer_vote.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "gateway/ask_prompt.h"

namespace precis::services {
namespace {

// Rewordings of one fact share well over half of their words.
constexpr double kAgreement = 0.6;

struct Words {
  std::map<std::string, int> counts;
  std::set<std::string> numbers;
  int total = 0;
};

Words WordsOf(const std::string& answer) {
  Words words;
  std::string word;
  const auto end = [&] {
    if (word.empty()) return;
    if (std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) words.numbers.insert(word);
    ++words.counts[word];
    ++words.total;
    word.clear();
  };
  for (size_t i = 0; i < answer.size(); ++i) {
    const auto c = static_cast<unsigned char>(answer[i]);
    if (c == '[') {  // a citation mark is no word
      const size_t close = answer.find(']', i);
      if (close != std::string::npos && close - i <= 5) {
        end();
        i = close;
        continue;
      }
    }
    if (absl::ascii_isalnum(c) || c >= 0x80) {
      word += static_cast<char>(absl::ascii_tolower(c));
    } else {
      end();
    }
  }
  end();
  return words;
}

}  // namespace

std::vector<int> RoundOrder(int round, int count) {
  std::vector<int> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (round == 0) return order;
  uint64_t state = static_cast<uint64_t>(round);
  for (size_t i = order.size(); i-- > 1;) {
    // splitmix64: the same order on every machine.
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    std::swap(order[i], order[(z ^ (z >> 31)) % (i + 1)]);
  }
  // A shuffle of few may leave all where it was.
  if (std::is_sorted(order.begin(), order.end())) std::rotate(order.begin(), order.begin() + 1, order.end());
  return order;
}

double AnswerLikeness(const std::string& a, const std::string& b) {
  if (IsRefusal(a) != IsRefusal(b)) return 0;
  const Words x = WordsOf(a), y = WordsOf(b);
  if (x.numbers != y.numbers) return 0;
  if (x.total + y.total == 0) return 1;
  int common = 0;
  for (const auto& [word, count] : x.counts) {
    const auto other = y.counts.find(word);
    if (other != y.counts.end()) common += std::min(count, other->second);
  }
  return 2.0 * common / (x.total + y.total);
}

bool AnswersAgree(const std::string& a, const std::string& b) { return AnswerLikeness(a, b) >= kAgreement; }

size_t Elect(const std::vector<std::string>& answers) {
  size_t best = 0;
  double best_sum = -1;
  for (size_t i = 0; i < answers.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < answers.size(); ++j) {
      if (j != i) sum += AnswerLikeness(answers[i], answers[j]);
    }
    if (sum > best_sum) {
      best = i;
      best_sum = sum;
    }
  }
  return best;
}

}  // namespace precis::services
