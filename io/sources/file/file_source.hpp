// The file source: follows files that match patterns, and gives away whole ranges of their lines.
//
// Rule 1: a file is its inode, birth, head, and what stands before its position (file_identity.hpp),
//         whatever its name; each is a partition, and its position is a byte offset just after a
//         newline.
// Rule 2: bytes are read straight into the block that becomes the batch, which ends after the last
//         newline that fits; the next read begins there. Nothing is carried over, nothing copied.
// Rule 3: before a batch is given away the fingerprint is read again, after its bytes: a file that
//         was truncated and written anew is never taken for its predecessor. Then it is a new
//         generation, from 0; what may have been lost is logged.
// Rule 4: a descriptor is closed only when all of the file was read, and it has been without a name
//         that matches, and has not grown, for `rotate_wait`; then its last line counts even without a
//         newline. If it still stands in its folder it is parked: looked at now and then, and read on
//         when it has grown (file_park.cpp).
// Rule 5: no batch spans a lead.
// Rule 6: a file that is read to its end for good (`eof`) keeps its partition slot until another
//         file needs one.
// Rule 7: a file that took the name of a rotated one is read after it, as far as that was written
//         when the rotation was noticed; other files are served in turn.
// Rule 8: in a stream that has no lines (`stream`) codec/stream_cut.hpp says where records end, and
//         where the source is in one; what follows an error of the stream is told apart by nobody.
// What is new is noticed within poll_interval where the system tells of it (folder_watch.hpp), and by
// asking in any case: after poll_interval for a file that grew lately, after an eighth of the time
// that it has been still for the others, at most after poll_interval_max, and after less where there
// are few files. Folders are asked as often as costs a twentieth of the time, at least once a
// glob_interval.
// After a restart files are found by identity: under the patterns, and beside the recorded path
// under a name that begins as it does (app.log, app.log.1). A record whose file is not found is
// carried on, since the file may come back (a mount, a rename); at most records_kept of them.
// Bound: one TailedFile per file, one Pull per pull outstanding.
// Doesn't know: what sinks do with the records, when positions are durable.
#pragma once

#include <climits>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/data/checkpoint.hpp"
#include "core/data/line_cut.hpp"
#include "io/device.hpp"
#include "io/devices/files.hpp"
#include "io/devices/give_batch.hpp"
#include "io/devices/glob.hpp"
#include "io/devices/partition_slots.hpp"
#include "io/log.hpp"
#include "io/payloads.hpp"
#include "io/ring.hpp"
#include "io/sources/file/few.hpp"
#include "io/sources/file/folder_walk.hpp"
#include "io/sources/file/folder_watch.hpp"
#include "io/sources/file/looks.hpp"
#include "io/sources/file/plain_files.hpp"
#include "io/sources/file/tailed_file.hpp"
#include "io/task.hpp"

namespace holdfast::io {

enum class ReadFrom : std::uint8_t { beginning, end };
enum class EndAt : std::uint8_t { never, eof };
/// Files that are compressed, by their first bytes.
enum class Decompress : std::uint8_t {
    refuse,     ///< Not read, with a warning.
    automatic,  ///< `auto`: gzip and zstd are unpacked, others refused.
    as_is,      ///< Read like any bytes.
};

struct FileSourceConfig {
    std::string name;
    SourceId id;
    std::vector<std::string> include;  ///< Absolute patterns, see glob.hpp.
    std::vector<std::string> exclude;  ///< What is matched, and what lies in a folder that is.
    ReadFrom read_from = ReadFrom::beginning;  ///< For files first seen at the start.
    EndAt end = EndAt::never;
    std::uint32_t line_max = 1u << 20;          ///< Newline included; at most the pool's block_max.
    Oversize oversize = Oversize::dead_letter;  ///< Streams without lines: not split.
    StreamSettings stream;
    Duration poll_interval = milliseconds(100);
    Duration poll_interval_max = seconds(4);
    Duration glob_interval = seconds(1);
    Duration rotate_wait = seconds(5);
    Duration give_up_after = seconds(10);  ///< With `eof`: what cannot be read; see trouble.hpp.
    Decompress decompress = Decompress::refuse;
    /// So far apart are looks at a file, for each file that there is, and at folders, for each of
    /// them: under 2 % of a core.
    Duration look_cost = milliseconds(1);
    bool transformed = false;  ///< Its batches get room for what is added to them.
    int fd_limit = INT_MAX;    ///< Descriptors from here on are left to others: sinks, checkpoint.
    std::map<std::string, SinkId> sinks;       ///< For the leads in `records`.
    std::vector<CheckpointPartition> records;  ///< What the loaded checkpoint says of this source.
    std::int64_t recorded_ns = INT64_MAX;      ///< When it was written; wall time, or unknown.
    /// Under whatever name: as what this pipeline writes that file, or empty if it doesn't. Such a
    /// file is not read; what is one at the start goes to `refuse`. Both may be empty.
    std::function<std::string(const FileStat&)> written_as;
    std::function<void(std::string problem)> refuse;
    std::int64_t looked_ns = INT64_MAX;  ///< When it says that the last look began; likewise.
};

class FileSource final : public Source {
public:
    /// Records of files that are gone, beyond which the oldest are forgotten.
    static constexpr std::size_t records_kept = 1000;
    /// As many closed files are remembered, so that a later rotation doesn't read them again.
    static constexpr std::size_t closed_kept = 1000;
    /// As many compressed ones are not looked at again, and as many texts known if they come back so.
    static constexpr std::size_t aside_kept = 10'000;
    static constexpr std::size_t texts_kept = 1000;
    /// As many rotated files are looked at after their descriptors were closed; the newest ones.
    static constexpr std::size_t parked_kept = 1000;

    /// Lives: all references until the source is destroyed; see io/task.hpp for teardown.
    FileSource(FileSourceConfig config, Ring& ring, Payloads& payloads, Events& events,
               Checkpoints& checkpoints, PartitionSlots& slots, Log log);

    void start() override;
    void pull(const Pull& pull) override;
    void commit(const CommitPosition& commit) override;
    void revoke_done(const RevokeDone& done) override;

    SourceId id() const { return config_.id; }
    std::optional<std::int64_t> unread() const override;
    LeftOut left_out() const override;
    const std::string& problem() const override { return problem_; }
    bool reads(const FileStat& st) const override { return files_.contains({st.device, st.inode}); }

private:
    enum class Given : std::uint8_t { batch, refused, skipped, nothing };
    enum class Served : std::uint8_t { batch, nothing, no_memory };
    enum class First : std::uint8_t { at_start, later, tracked, sibling };
    using Inode = std::pair<std::uint64_t, std::uint64_t>;
    struct Unreadable {
        Instant retry_at{};
        First first{};
        Trouble trouble;
    };
    /// In the order of their instants; at one instant in that in which the files were opened.
    struct Poll {
        Instant at{};
        std::uint64_t number = 0;
        TailedFile* file = nullptr;
        bool operator<(const Poll& other) const {
            return std::pair(at.ns, number) < std::pair(other.at.ns, other.number);
        }
    };
    static Poll poll_of(TailedFile& file) { return {file.poll_at, file.number, &file}; }
    static Inode inode_of(const TailedFile& file) { return {file.device, file.key.identity.inode}; }
    struct Loaded {
        FileKey key;
        CheckpointPartition record;
        bool used = false;
        TailedFile* file = nullptr;  ///< While files are found at the start: what it was used for.
    };
    enum class Known : std::uint8_t { as_recorded, rewritten, no, unreadable };
    struct Closed {
        std::int64_t size = 0;
        std::int64_t modified_ns = 0;
    };
    /// What is known of a file that is gone.
    struct ReadText {
        FileIdentity identity;
        std::int64_t position = 0;
        Fingerprint tail;
    };
    struct Retiring {
        Assignment assigned;
        bool keeps_record = false;  ///< The file is read to its end, and a restart must know it.
    };

    // file_source.cpp: pulls and what answers them.
    void dispatch();
    void answer_idle(const Pull& pull, Duration retry_after);
    TailedFile* next_ready();
    void make_ready(TailedFile& file);
    void queue_after(TailedFile& file, TailedFile& predecessor);
    void let_others(TailedFile& file);
    Task<> serve(Pull pull, TailedFile& file);
    Task<Served> bring(const Pull& pull, TailedFile& file);
    std::span<std::byte> take_block(const Pull& pull, TailedFile& file);
    std::uint32_t large_block(const Pull& pull, std::size_t bytes) const;
    std::size_t room_in(std::span<const std::byte> block) const;
    std::size_t read_limit(const TailedFile& file, std::size_t room) const;
    bool closed_at(const TailedFile& file, std::int64_t end) const;
    bool emit(const Pull& pull, TailedFile& file, std::span<std::byte> block, const Cut& cut);
    Task<> look_for_more(TailedFile& file);
    Task<std::int64_t> fill(TailedFile& file, std::span<std::byte> into, std::int64_t offset);
    Task<std::int64_t> fill_or_fail(TailedFile& file, std::span<std::byte> into,
                                    std::int64_t offset);
    void pause(TailedFile& file, Duration wait);
    void finish(TailedFile& file);

    // file_archive.cpp: compressed files.
    Archive packed_as(const TailedFile& file, std::span<const std::byte> head) const;
    bool is_set_aside(const FileStat& st);
    void set_aside(const FileStat& st);
    void say_refused(const std::string& path, Archive archive);
    Task<> refuse(std::unique_ptr<TailedFile> file, Archive archive);
    void turn_away(TailedFile& file, Archive archive);
    Task<> end_packed(TailedFile& file);
    Task<> send_away(TailedFile& file);
    Task<> know_size(TailedFile& file);
    Task<bool> has_tail(TailedFile& file, std::int64_t position, Fingerprint tail);
    Task<> go_on_from_plain(TailedFile& file, std::span<const std::byte> head);
    void remember_text(const TailedFile& file);

    // file_trouble.cpp: what cannot be read or listed.
    void unreadable(const std::string& path, First first, std::int64_t result);
    bool is_wanted(const std::string& path) const;
    void read_failed(TailedFile& file, std::int64_t result);
    void read_less(TailedFile& file);
    void healed(TailedFile& file);
    void note_folders();
    Task<> retry_folders();
    bool ended();
    LeftOut count_left_out() const;

    // file_stream.cpp: streams that have no lines.
    void begin_stream(TailedFile& file);
    Task<bool> find_place(TailedFile& file);
    Given give_stream(const Pull& pull, TailedFile& file, std::span<std::byte> block, bool full,
                      std::size_t length, const CutRule& rule);
    void remember_clean(TailedFile& file, const codec::StreamCut& cut);
    void skip(TailedFile& file, std::span<const std::byte> bytes, const codec::StreamCut& cut);
    void say_broken(const TailedFile& file, const codec::StreamCut& cut);

    // file_partition.cpp: what the engine and the checkpoint know.
    bool assign(TailedFile& file);
    void note(TailedFile& file);
    void note_again();
    void rebind(TailedFile& file, bool must = false);
    void retire(TailedFile& file);
    void revoke(TailedFile& file, bool keeps_record);
    void give_back_slots();
    void wake_slotless();
    void forget(const std::string& key);
    Task<bool> verified(TailedFile& file);
    Task<bool> ends_as_read(TailedFile& file);
    Task<bool> is_one_line(TailedFile& file, std::int64_t begin, std::int64_t end);
    Task<> new_generation(TailedFile& file);
    Task<> begin_at(TailedFile& file, First first, std::span<const std::byte> head, Known known);
    Task<Known> resume_from_record(TailedFile& file, std::span<const std::byte> head);
    Task<Known> is_recorded(TailedFile& file, std::span<const std::byte> head,
                            const Loaded& loaded);
    Task<bool> is_elsewhere(const TailedFile& file, const Loaded& loaded);
    void resume(TailedFile& file, Loaded& loaded);
    Task<> learn_ending(TailedFile& file);
    void seal(const TailedFile& file);
    void say_rewritten(const TailedFile& file, std::int64_t position) const;
    void take_leads(TailedFile& file, const CheckpointPartition& record);
    Task<bool> inside_oversized(TailedFile& file);
    Task<std::int64_t> end_of_lines(TailedFile& file);

    // file_watch.cpp: finding files and noticing what becomes of them.
    Task<> watch();
    Task<> hear();
    void look_at_all();
    Task<> scan(First first);
    Task<> look_for_names(First first);
    Task<> say_missing();
    Task<> retry_unreadable();
    void schedule(TailedFile& file, Instant at);
    Duration poll_after(const TailedFile& file) const;
    Task<> poll_due();
    Task<> poll_all(std::vector<TailedFile*> due);
    Task<> polled(TailedFile& file, std::int64_t result, const FileStat& st);
    Task<> end_if_read(TailedFile& file);
    Task<> resized(TailedFile& file, const FileStat& st);
    void regain_name(TailedFile& file, const std::string& path);
    void name(TailedFile& file);
    Task<> lost_name(TailedFile& file, bool replaced);
    Task<std::vector<std::string>> names_in(std::string directory);
    Task<> find_recorded();
    /// What stands in a folder.
    struct Listed {
        std::vector<std::string> names;  ///< Sorted.
        std::multimap<std::uint64_t, std::string> by_inode;
        bool asked = false;  ///< For inodes.
    };
    Task<> find_recorded(const Loaded& loaded, std::map<std::string, Listed>& names);
    Task<bool> is_under(std::string path, const Loaded& loaded);
    Task<> ask_inodes(std::string directory, Listed& listed);
    void forget_excess();

    // file_adopt.cpp: files that came and were rotated before they were seen.
    using Sibling = std::tuple<std::int64_t, std::string, Inode>;  ///< Its time, path, inode.
    Task<> adopt_siblings(std::string path, std::int64_t since_ns, bool was_empty);
    bool was_closed(const FileStat& st) const;
    Task<> adopt_new();
    void begin_look();
    Task<> end_look();
    Task<> adopt_new_in(std::string folder, std::int64_t since);
    bool stood_before(const TailedFile& file, const std::string& folder) const;
    void seen(TailedFile& file) const;
    Task<std::vector<Sibling>> new_among(std::vector<std::string> paths, std::int64_t since);
    Task<> adopt(std::vector<Sibling> siblings, std::string had);

    // file_begin.cpp: where reading begins in files that nobody knows.
    /// INT64_MAX: never.
    std::int64_t last_look_ns() const {
        return config_.looked_ns != INT64_MAX ? config_.looked_ns : config_.recorded_ns;
    }
    bool begins_at_end(const TailedFile& file, First first) const;
    bool must_be_kept(const TailedFile& file) const;
    void found(TailedFile& file, const std::string& path);
    void begun(TailedFile& file, const std::string& path);
    void say_found(const TailedFile& file, const std::string& path);
    Task<> keep_beginnings();

    // file_park.cpp: rotated files that may grow yet.
    static bool is_parked(const TailedFile& file) { return !file.parked_at.empty(); }
    Task<> leave(TailedFile& file);
    Task<> look_at_parked(TailedFile& file, std::int64_t result, const FileStat& st);
    Task<bool> unpark(TailedFile& file, std::string path);
    Task<std::string> place_of(const TailedFile& file);
    Task<bool> stands_at(const TailedFile& file, std::string path);
    Task<TailedFile*> followed(const FileStat& st);

    // file_open.cpp: taking files in and letting them go.
    void wait_for_descriptor(const std::string& path, First first);
    void wait_for_plain(const std::string& path, First first);
    Task<bool> holds_what_is_owed(TailedFile& file, std::span<const std::byte> head);
    Task<> give_descriptors();
    Task<> let_go(int fd);
    Task<> discover(std::string path, First first);
    bool is_output(const FileStat& st, const std::string& path, First first);
    Task<> open_file(std::string path, First first, std::string known_as = {});
    Task<> insert(std::unique_ptr<TailedFile> file, First first, std::string known_as);
    Task<> owe(std::string path);
    void owe(const FileIdentity& identity, const std::string& path);
    void take_owed(TailedFile& file);
    Task<> close_file(TailedFile& file);

    std::uint32_t line_max() const;
    void log(Level level, const LogLine& line) const;
    void log(Few& few, Level level, const LogLine& line);
    void say_rest();

    FileSourceConfig config_;
    PlainFiles plain_;  ///< Over the ring that was given.
    Ring& ring_;        ///< That one.
    Payloads& payloads_;
    Events& events_;
    Checkpoints& checkpoints_;
    PartitionSlots& slots_;
    Log log_;
    FolderWalk walk_;
    FolderWatch folders_;

    std::map<Inode, std::unique_ptr<TailedFile>> files_;
    std::map<std::string_view, TailedFile*> paths_;  ///< Of the linked ones: views of key.path.
    std::set<std::string> outputs_found_;  ///< Names that lead to what we write: said once each.
    std::map<std::string, Unreadable> unreadable_;
    /// Found at the first look of all, and not opened yet: their records.
    std::map<Inode, std::string> owed_;
    std::set<Inode> unnoted_;        ///< Found, and without a record for want of a slot.
    std::map<Inode, Closed> aside_;  ///< Compressed, refused or read.
    std::deque<ReadText> texts_;     ///< The oldest first.
    std::uint32_t opening_anew_ = 0;
    std::map<std::string, Trouble> unlisted_;  ///< Folders.
    std::size_t stuck_ = 0;                    ///< Unfinished files that are given up.
    bool over_ = false;                        ///< It has ended; `left_` is what without.
    LeftOut left_;
    Instant retry_soonest_ = never;                ///< No one of them is due before.
    std::set<std::string> without_descriptor_;     ///< Of the unreadable ones.
    bool descriptor_free_ = false;                 ///< One was closed since the last of them tried.
    bool descriptors_short_ = false;               ///< Said so in the log.
    std::multimap<std::uint64_t, Loaded> loaded_;  ///< By inode.
    std::set<std::string> loaded_paths_;
    Looks looks_;
    struct Look {
        std::int64_t begun_ns = 0;                    ///< In wall time.
        std::map<std::string, std::int64_t> folders;  ///< When they were changed last.
        bool goes_on = false;
    };
    Look look_;  ///< The one that goes on.
    struct Begun {
        TailedFile* file = nullptr;
        std::string path;
    };
    std::vector<Begun> begun_;  ///< Read only when it is durable where they begin.
    Instant keep_at_{};
    std::map<Inode, Closed> closed_;  ///< Read to their ends and gone: not to be adopted again.
    std::vector<std::unique_ptr<TailedFile>> gone_;  ///< Closed in this look around.
    std::deque<TailedFile*> parked_;                 ///< The longest parked first.
    std::set<Poll> polls_;
    std::uint64_t opened_ = 0;  ///< Files, ever.
    std::deque<TailedFile*> ready_;
    std::deque<Pull> pulls_;
    std::map<std::uint32_t, Retiring> retiring_;  ///< By slot: revoked, not yet RevokeDone.
    std::vector<TailedFile*> spent_;              ///< Finished, with a slot that others may need.
    TailedFile* predecessor_ = nullptr;           ///< Files that are opened now are read after it.
    TailedFile* starving_ = nullptr;  ///< Waits for a large block; nobody else is read meanwhile.
    std::uint32_t serving_ = 0;
    std::size_t unfinished_ = 0;
    Instant scan_at_{};
    Instant scan_soonest_{};
    bool said_unwatched_ = false;
    std::uint32_t scans_skipped_ = 0;
    bool scanning_first_ = true;
    bool looking_ = false;  ///< Through folders, again.
    bool walk_forced_ = true;
    bool told_idle_ = false;
    std::string problem_;
    bool slots_short_ = false;  ///< Said so in the log.
    Few found_{"files found"};
    Few healed_{"files that are readable now"};
    Few refused_{"compressed files"};
    Few lost_{"files that lost their names, were renamed or closed"};
    Few failed_{"files that cannot be opened or read"};
    Scope scope_;  ///< Last: its coroutines use all of the above.
};

}  // namespace holdfast::io
