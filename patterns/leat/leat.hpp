#pragma once

// All of leat's public headers.

#include <leat/buffer.hpp>
#include <leat/codec.hpp>
#include <leat/context.hpp>
#include <leat/curve.hpp>
#include <leat/deadline.hpp>
#include <leat/endpoint.hpp>
#include <leat/error.hpp>
#include <leat/forwarder/forwarder.hpp>
#include <leat/loop.hpp>
#include <leat/message.hpp>
#include <leat/metrics.hpp>
#include <leat/monitor.hpp>
#include <leat/options.hpp>
#include <leat/pipeline/puller.hpp>
#include <leat/pipeline/pusher.hpp>
#include <leat/pipeline/stage.hpp>
#include <leat/pubsub/publisher.hpp>
#include <leat/pubsub/subscriber.hpp>
#include <leat/queue/consumer.hpp>
#include <leat/queue/dead_letter.hpp>
#include <leat/queue/producer.hpp>
#include <leat/queue/queue.hpp>
#include <leat/queue/queue_admin.hpp>
#include <leat/queue/queue_rules.hpp>
#include <leat/queue/queue_stat.hpp>
#include <leat/queue/queue_types.hpp>
#include <leat/queue/store_contents.hpp>
#include <leat/queue/store_salvage.hpp>
#include <leat/reqrep/replier.hpp>
#include <leat/reqrep/requester.hpp>
#include <leat/reqrep/service.hpp>
#include <leat/socket.hpp>
#include <leat/status.hpp>
#include <leat/stop.hpp>
