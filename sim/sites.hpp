// The sites of chance: every question that the simulated world may put to Choices.
//
// Rule 1: numbers are for ever: a new site takes a free number in its component's hundred, so that
//         seeds and recorded choices keep their meaning.
// Rule 2: the answer 0 to any question is the benign one: no fault, no delay, everything kept.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::sim {

// clang-format off
#define HF_SITES(X)                                                                               \
    /* disk: what a crash leaves */                                                               \
    X(disk_crash_sector, 100)   /* kept, dropped, torn left, torn right, garbage */               \
    X(disk_crash_cut, 101)      /* where a torn sector is torn */                                 \
    X(disk_crash_size, 102)     /* kept, as last synced, lowest since, between */                 \
    X(disk_crash_between, 103)  /* how far between */                                             \
    X(disk_crash_name, 104)     /* a change of a directory: kept, dropped */                      \
    X(disk_crash_garbage, 105)  /* the bytes of a garbage sector */                               \
    X(disk_crash_style, 106)    /* all kept, all dropped, each piece by itself */                 \
    /* disk: how a call fails */                                                                  \
    X(disk_open_fails, 110)                                                                       \
    X(disk_name_fails, 111)                                                                       \
    X(disk_read_fails, 112)                                                                       \
    X(disk_read_short, 113)                                                                       \
    X(disk_write_fails, 114)                                                                      \
    X(disk_write_applied, 115)  /* how much of a failed write landed nevertheless */              \
    X(disk_write_short, 116)                                                                      \
    X(disk_sync_fails, 117)                                                                       \
    X(disk_sync_kind, 118)      /* durable nevertheless, lost, some of it lost */                 \
    X(disk_sync_sector, 119)                                                                      \
    X(disk_full, 120)           /* a passing ENOSPC */                                            \
    X(disk_sector_bad, 121)     /* a latent sector error, found by a read */                      \
    X(disk_writeback, 122)      /* an unsynced sector reached the medium before it changed */     \
    X(disk_inode_reused, 123)                                                                     \
    X(disk_stat_fails, 127)                                                                       \
    X(disk_list_order, 124)                                                                       \
    /* ring */                                                                                    \
    X(ring_latency, 200)                                                                          \
    X(ring_slow, 201)                                                                             \
    X(ring_tie, 202)            /* order of what completes at the same instant */                 \
    X(ring_interrupted, 203)    /* EINTR */                                                       \
    X(ring_again, 204)          /* EAGAIN */                                                      \
    X(ring_cancel, 205)         /* comes too late, wins, hurries */                               \
    X(ring_data_late, 206)      /* the bytes of a write are taken at its completion */            \
    X(ring_crash_applied, 207)  /* an operation in flight at a crash: applied, not applied */     \
    X(ring_crash_order, 208)    /* in which order those are applied */                            \
    /* network */                                                                                 \
    X(net_recv_short, 250)                                                                        \
    X(net_send_short, 251)                                                                        \
    X(net_reset_forgets, 252)   /* what was not read goes with it */                              \
    /* the tailer's world: its writers, its process */                                            \
    X(tail_world, 300)                                                                            \
    /* the joint world: its config, its writers, its processes */                                 \
    X(joint_world, 301)                                                                           \
    X(text_world, 311)          /* which lines */                                                 \
    X(read_world, 310)          /* which files there are, and which cannot be read */             \
    X(socket_world, 312)        /* peers, and what they do */                                     \
    X(exec_world, 313)          /* what a command does each time */                               \
    X(trial_world, 314)         /* a user's own pipeline: what becomes of it and when */          \
    /* the world: what a seed means */                                                            \
    X(draw_mode, 1000)          /* sunny, swarm, focus, tiny */                                   \
    X(draw_shape, 1001)                                                                           \
    X(draw_source, 1002)                                                                          \
    X(draw_sink, 1003)                                                                            \
    X(draw_feature, 1004)       /* whether a fault exists at all */                               \
    X(draw_weight, 1005)        /* and how often */                                               \
    X(draw_limit, 1006)         /* a limit at its minimum */                                      \
    X(draw_record, 1007)                                                                          \
    X(draw_core, 1008)          /* what stays broken in phase 2 */                                \
    /* the world: as it runs */                                                                   \
    X(world_latency, 1020)                                                                        \
    X(world_tail, 1021)         /* a latency far out */                                           \
    X(world_fault, 1030)        /* n: the fault's number in the high bits */                      \
    X(world_detail, 1031)                                                                         \
    X(world_order, 1040)        /* the order of effects */                                        \
    X(world_which_log, 1041)    /* which partition a pull reads */                                \
    X(world_batch, 1042)        /* how short a batch is */                                        \
    X(world_tie, 1043)          /* a tick before what is due at the same instant */               \
    X(world_crash, 1050)                                                                          \
    X(world_survive, 1051)      /* what unsynced things a crash leaves */                         \
    X(world_stop, 1052)         /* when */                                                        \
    X(world_pressure, 1054)                                                                       \
    X(world_stale, 1056)        /* impossible and stale events */                                 \
    X(world_append, 1057)       /* when records arrive */                                         \
    X(world_revoke, 1058)       /* when and which */                                              \
    /* the sink kit */                                                                            \
    X(kit_draw, 1200)           /* what a seed means */                                           \
    X(kit_fault, 1201)          /* whether it happens */                                          \
    X(kit_detail, 1202)
// clang-format on

enum class Site : std::uint32_t {
#define HF_SITE_ENUMERATOR(name, number) name = number,
    HF_SITES(HF_SITE_ENUMERATOR)
#undef HF_SITE_ENUMERATOR
};

/// Empty for a number that is no site.
constexpr std::string_view name_of(Site site) {
    switch (site) {
#define HF_SITE_NAME(name, number) \
    case Site::name: return #name;
        HF_SITES(HF_SITE_NAME)
#undef HF_SITE_NAME
    }
    return {};
}

}  // namespace holdfast::sim
