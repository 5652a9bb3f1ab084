// Puts two sinks before the conformance kit: one that keeps its promises, and one with a mistake
// that most of us have made. Exit code 0: the first is passed and the second is caught.
#include <cstdio>
#include <holdfast/sim/kit/sink_kit.hpp>
#include <map>

using namespace holdfast;
using embed::Answer;

namespace {

/// A test double of a server: what it holds, and how it behaves. A real one can be wrapped as well.
struct Server {
    std::vector<std::string> rows;
    std::map<std::int64_t, std::size_t> by_id;
    sim::Weather weather = sim::Weather::fair;
    std::uint32_t detail = 0;

    enum class Reply { ok, refused_connection, broken_connection };
    Reply insert(const embed::Records& records, bool with_id) {
        if (weather == sim::Weather::fails) return Reply::refused_connection;
        std::size_t n = 0;
        for (const embed::Record& r : records) {
            if (weather == sim::Weather::breaks_off && n++ == detail) break;
            if (with_id && !by_id.try_emplace(r.id.position, rows.size()).second) continue;
            rows.push_back(r.payload);
        }
        const bool hears = weather == sim::Weather::fair || weather == sim::Weather::slow;
        return hears ? Reply::ok : Reply::broken_connection;
    }
};

class Insert : public embed::Sink {
public:
    explicit Insert(Server& server) : server_(server) {}
    Answer write(const embed::Records& records) override {
        switch (server_.insert(records, true)) {
            case Server::Reply::ok: return Answer::delivered();
            case Server::Reply::refused_connection: return Answer::retriable("connection refused");
            case Server::Reply::broken_connection: break;
        }
        return Answer::ambiguous("connection broken");
    }

private:
    Server& server_;
};

/// The mistake: a connection that broke is taken as "nothing was done".
class Careless : public embed::Sink {
public:
    explicit Careless(Server& server) : server_(server) {}
    Answer write(const embed::Records& records) override {
        return server_.insert(records, false) == Server::Reply::ok
                   ? Answer::delivered()
                   : Answer::retriable("connection failed");
    }

private:
    Server& server_;
};

template <class Mine>
sim::KitReport check(bool unique) {
    Server server;
    sim::SinkSubject subject;
    subject.open = [&] { return std::make_unique<Mine>(server); };
    subject.contents = [&] { return server.rows; };
    subject.clear = [&] { server = {}; };
    subject.weather = [&](sim::Weather weather, std::uint32_t detail) {
        server.weather = weather;
        server.detail = detail;
    };
    subject.unique = unique;
    return sim::check_sink(subject);
}

}  // namespace

int main() {
    const sim::KitReport good = check<Insert>(true);
    std::printf("Insert: %s\n", good.text().c_str());
    const sim::KitReport bad = check<Careless>(false);
    std::printf("Careless: %s", bad.text().c_str());
    return good.kept() && !bad.kept() ? 0 : 1;
}
