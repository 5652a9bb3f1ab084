// Members that look as most do are taken whole. An escape anywhere in a record turns that off, so
// each text is parsed both ways.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/codec/json_parse.hpp"

using namespace holdfast::codec;

namespace {

struct Parsed {
    std::vector<Node> nodes;  ///< Below the root; offsets from the end of the opening.
    bool good = false;
};

Parsed parse(std::string_view opening, std::string_view rest, std::size_t first) {
    std::string text = std::string(opening) + std::string(rest);
    const std::size_t size = text.size();
    text.append(64, ' ');
    JsonIndex index;
    Tape tape;
    Parsed out;
    const auto indexed = index.index(std::as_bytes(std::span(text)).first(size));
    out.good = indexed && parse_json(*indexed, tape);
    if (!out.good) return out;
    for (std::size_t i = first; i < tape.size(); ++i) {
        Node node = *tape.at(i);
        node.begin -= static_cast<std::uint32_t>(opening.size());
        if (node.key != Text::none) node.key_begin -= static_cast<std::uint32_t>(opening.size());
        out.nodes.push_back(node);
    }
    return out;
}

bool equal(const Parsed& a, const Parsed& b) {
    if (a.good != b.good || a.nodes.size() != b.nodes.size()) return false;
    for (std::size_t i = 0; i < a.nodes.size(); ++i) {
        const Node& x = a.nodes[i];
        const Node& y = b.nodes[i];
        if (x.begin != y.begin || x.size != y.size || x.nodes != y.nodes || x.kind != y.kind ||
            x.key_begin != y.key_begin || x.key_size != y.key_size || x.text != y.text ||
            x.key != y.key || x.prefix != y.prefix) {
            return false;
        }
    }
    return true;
}

bool same_both_ways(const std::string& rest) {
    const Parsed plain = parse("{", rest, 1);
    const Parsed walked = parse(R"({"\u0041":0,)", rest, 2);
    return equal(plain, walked);
}

const std::string members =
    R"("a":"x","bc":17,"":"","n":null,"t":true,"f":false,"d":1.25,"m":-4,"z":0,"l":123456789012,)"
    R"("u":12345678901234567890,"o":{"k":"v","i":8,"j":9},"r":[1,{"q":1,"w":2}],"e":1e3,"end":"."})";

}  // namespace

TEST_CASE("json members are read the same whether they are taken whole or walked") {
    REQUIRE(parse("{", members, 1).nodes.size() == 22);
    CHECK(same_both_ways(members));
}

TEST_CASE(
    "json members that are broken anywhere are refused both when taken whole and when walked") {
    std::size_t refused = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (const char c : std::string_view("\",:{}[]1.- ent0\x01")) {
            std::string text = members;
            text[i] = c;
            INFO(text);
            REQUIRE(same_both_ways(text));
            refused += !parse("{", text, 1).good;
            text = members;
            text.insert(i, 1, c);
            REQUIRE(same_both_ways(text));
        }
        std::string text = members;
        text.erase(i, 1);
        REQUIRE(same_both_ways(text));
        REQUIRE(same_both_ways(members.substr(0, i)));
    }
    CHECK(refused > 100);
}
