#include "roles/role_host.h"

namespace precis::services {

void FillQueue(const ExecutorStats& stats, v1::RoleStats* role) {
  v1::QueueStats* queue = role->add_queues();
  queue->set_name(stats.name);
  queue->set_waiting_count(stats.waiting);
  queue->set_running_count(stats.running);
  queue->set_capacity(stats.capacity);
  queue->set_rejected_count(stats.rejected);
}

void AppendQueueSamples(const ExecutorStats& stats, std::vector<Sample>* samples) {
  samples->push_back({"precis_queue_waiting", {{"queue", stats.name}}, static_cast<double>(stats.waiting), false});
  samples->push_back({"precis_queue_running", {{"queue", stats.name}}, static_cast<double>(stats.running), false});
  samples->push_back(
      {"precis_queue_rejected_total", {{"queue", stats.name}}, static_cast<double>(stats.rejected), true});
}

}  // namespace precis::services
