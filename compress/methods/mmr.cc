#include "methods/mmr.h"

#include <algorithm>

#include "precis/base/status_macros.h"
#include "vectors.h"

namespace precis::compress {

absl::StatusOr<MmrOrder> OrderByMmr(const std::vector<MmrItem>& items, const MmrOptions& options,
                                    const CallContext& call) {
  const size_t n = items.size();
  MmrOrder order;
  std::vector<float> likeness(n, 0.0f);  // to the most alike chosen item
  std::vector<bool> chosen(n, false), too_large(n, false);
  std::vector<bool> entered = options.entered;
  int64_t left = options.budget;
  const auto measure = [&](size_t i) {
    return options.lambda * items[i].relevance - (1 - options.lambda) * static_cast<double>(likeness[i]);
  };
  for (;;) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    size_t best = n;
    double best_measure = 0;
    for (size_t i = 0; i < n; ++i) {
      if (chosen[i] || too_large[i]) continue;
      const auto group = static_cast<size_t>(items[i].group);
      if (items[i].cost + (entered[group] ? 0 : options.entry_costs[group]) > left) {
        // Entry costs may fall, but not below nothing.
        if (items[i].cost > left) too_large[i] = true;
        continue;
      }
      const double m = measure(i);
      if (best == n || m > best_measure) {
        best = i;
        best_measure = m;
      }
    }
    if (best == n) break;
    chosen[best] = true;
    order.chosen.push_back(static_cast<int>(best));
    const auto group = static_cast<size_t>(items[best].group);
    left -= items[best].cost + (entered[group] ? 0 : options.entry_costs[group]);
    entered[group] = true;
    for (size_t i = 0; i < n; ++i) {
      if (!chosen[i]) likeness[i] = std::max(likeness[i], Dot(*items[i].vector, *items[best].vector));
    }
  }
  for (size_t i = 0; i < n; ++i) {
    if (!chosen[i]) order.rest.push_back(static_cast<int>(i));
  }
  std::stable_sort(order.rest.begin(), order.rest.end(),
                   [&](int a, int b) { return measure(static_cast<size_t>(a)) > measure(static_cast<size_t>(b)); });
  return order;
}

}  // namespace precis::compress
