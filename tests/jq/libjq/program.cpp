#include "tests/jq/libjq/program.hpp"

extern "C" {
#include <jq.h>
#include <jv.h>
}

#include <algorithm>
#include <utility>

#include "core/base/assert.hpp"
#include "core/codec/envelope.hpp"
#include "core/codec/utf8.hpp"
#include "tests/jq/libjq/values.hpp"

namespace holdfast::jq {
namespace {

std::string string_of(jv value) {
    std::string out;
    if (jv_get_kind(value) == JV_KIND_STRING) {
        out.assign(jv_string_value(value),
                   static_cast<std::size_t>(jv_string_length_bytes(jv_copy(value))));
    }
    jv_free(value);
    return out;
}

/// jq tells its compile errors one by one; the last one only counts them.
void collect_error(void* errors, jv error) {
    auto& all = *static_cast<std::string*>(errors);
    std::string one = string_of(jq_format_error(error));
    std::replace(one.begin(), one.end(), '\n', ' ');
    const std::string_view prefix = "jq: error: ";
    if (one.starts_with(prefix)) one.erase(0, prefix.size());
    if (one.starts_with("jq: ") && one.find(" compile error") != std::string::npos) return;
    if (!all.empty()) all += "; ";
    all += one;
}

/// What a runtime error says, in jq's words.
std::string words_of(jv error) {
    if (jv_get_kind(error) == JV_KIND_STRING) return string_of(error);
    return "(not a string): " + string_of(jv_dump_string(error, 0));
}

/// For `input`: a record stands alone. (libjq calls what isn't set.)
jv no_input(jq_state*, void*) { return jv_invalid_with_msg(jv_string("No more inputs")); }

/// A program that is given [$meta, record]. The newline ends a comment.
std::string with_meta(const std::string& program) {
    return ". as [$meta, $__record] | $__record | (" + program + "\n)";
}

jv text_value(std::string_view text) {
    return jv_string_sized(text.data(), static_cast<int>(text.size()));
}

/// UTF-8, or {"base64": ...}; of bytes that the tests have.
jv bytes_value(packing::Bytes bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (codec::valid_utf8(text)) return text_value(text);
    std::string base64;
    codec::append_base64(bytes, base64);
    return jv_object_set(jv_object(), jv_string("base64"), text_value(base64));
}

/// libjq puts U+FFFD for what is no UTF-8.
jv name_value(packing::Bytes name) {
    return text_value({reinterpret_cast<const char*>(name.data()), name.size()});
}

jv headers_value(packing::Bytes headers) {
    jv object = jv_object();
    packing::HeaderWalk walk(headers);
    for (packing::Header header; walk.next(header);)
        object = jv_object_set(object, name_value(header.name),
                               header.value ? bytes_value(*header.value) : jv_null());
    return object;
}

jv value_of(const RecordMeta& meta) {
    jv object = jv_object_set(jv_object(), jv_string("source"), text_value(meta.source));
    object = jv_object_set(object, jv_string("partition"), text_value(meta.partition));
    object =
        jv_object_set(object, jv_string("position"), jv_number(static_cast<double>(meta.position)));
    object = jv_object_set(object, jv_string("id"), text_value(record_id(meta)));
    if (meta.extras == nullptr) return object;
    const packing::Extras& extras = *meta.extras;
    if (extras.key) object = jv_object_set(object, jv_string("key"), bytes_value(*extras.key));
    if (!extras.headers.empty())
        object = jv_object_set(object, jv_string("headers"), headers_value(extras.headers));
    if (extras.timestamp)
        object = jv_object_set(object, jv_string("timestamp"),
                               jv_number(static_cast<double>(*extras.timestamp)));
    return object;
}

/// `debug` says nothing.
void ignore(void*, jv value) { jv_free(value); }

}  // namespace

struct LibjqProgram::Library {
    jq_state* state = jq_init();
    std::string scratch;

    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library() {
        if (state != nullptr) jq_teardown(&state);
    }

    bool compile(const std::string& program, std::string& errors) {
        if (state == nullptr) {
            errors = "libjq does not start";
            return false;
        }
        // As jq has them; libjq trips over their absence in `import`.
        jq_set_attr(state, jv_string("JQ_LIBRARY_PATH"), JV_ARRAY(jv_string("~/.jq")));
        jq_set_attr(state, jv_string("JQ_ORIGIN"), jv_string("/usr/bin"));
        jq_set_attr(state, jv_string("PROGRAM_ORIGIN"), jv_string("."));
        jq_set_error_cb(state, collect_error, &errors);
        const bool compiled = jq_compile(state, program.c_str()) != 0;
        jq_set_error_cb(state, nullptr, nullptr);
        jq_set_input_cb(state, no_input, nullptr);
        jq_set_debug_cb(state, ignore, nullptr);
        return compiled;
    }

    /// Whether the run ended well. Consumes what came last, which is no value.
    bool end(jv last, const std::string& too_large, std::string& error) const {
        if (!too_large.empty()) {
            jv_free(last);
            error = too_large;
        } else if (jv_invalid_has_msg(jv_copy(last)) != 0) {
            error = words_of(jv_invalid_get_msg(last));
        } else {
            jv_free(last);
            if (jq_halted(state) == 0) return true;
            error = "the program halts";
        }
        return false;
    }
};

LibjqProgram::LibjqProgram(std::string program, Use use)
    : program_(std::move(program)), use_(use) {}

LibjqProgram::~LibjqProgram() = default;

std::expected<std::unique_ptr<LibjqProgram>, CompileError> LibjqProgram::compile(
    std::string program, Use use) {
    if (program.find('\0') != std::string::npos) {
        return std::unexpected(CompileError{"a zero byte", program.find('\0')});
    }
    std::unique_ptr<LibjqProgram> made(new LibjqProgram(std::move(program), use));
    made->library_ = std::make_unique<Library>();
    std::string errors;
    if (made->library_->compile(made->program_, errors)) return made;
    if (errors.find("$meta is not defined") != std::string::npos) {
        errors.clear();
        made->library_ = std::make_unique<Library>();
        made->asks_meta_ = true;
        if (made->library_->compile(with_meta(made->program_), errors)) return made;
    }
    return std::unexpected(CompileError{errors.empty() ? "jq refuses it" : errors, 0});
}

std::unique_ptr<Program> LibjqProgram::clone() const {
    auto made = compile(program_, use_);
    HF_ASSERT(made.has_value());
    return std::move(*made);
}

/// What the outputs of one record come to.
struct LibjqProgram::Outputs {
    ProgramResult result{Verdict::drop, 0};
    std::size_t bytes_max = 0;
    std::size_t before = 0;  ///< The size of `out` when the record began.
    bool same = false;       ///< The only output so far is the input itself; not written yet.
    bool fits = true;
    bool deep = false;  ///< It does not fit because of its depth.

    /// Consumes the value.
    void write(jv value, std::vector<std::byte>& out) {
        const Written written = write_value(value, out, bytes_max);
        deep = deep || written == Written::too_deep;
        fits = written == Written::whole && fits && out.size() - before <= bytes_max;
        out.push_back(std::byte{'\n'});
    }

    /// Consumes the value.
    void take(jv value, jv input, std::vector<std::byte>& out) {
        if (++result.outputs > outputs_max) fits = false;
        if (result.outputs == 1 && jv_identical(jv_copy(value), jv_copy(input)) != 0) {
            same = true;
            result.verdict = Verdict::keep;
            jv_free(value);
            return;
        }
        if (std::exchange(same, false)) write(jv_copy(input), out);
        write(value, out);
        result.verdict = Verdict::change;
    }

    /// True: the record is kept. Consumes the value.
    bool judge(jv value) {
        if (++tested > outputs_max) fits = false;
        const jv_kind kind = jv_get_kind(value);
        jv_free(value);
        if (kind == JV_KIND_FALSE || kind == JV_KIND_NULL) return false;
        result = {Verdict::keep, 1};
        return true;
    }
    std::uint32_t tested = 0;
};

ProgramResult LibjqProgram::run(std::span<const std::byte> record, std::vector<std::byte>& out,
                                std::string& error) {
    nodes_.set_count(0);
    if (!tape_.read(record, nodes_)) {
        error = tape_.error();
        error += " (at byte " + std::to_string(tape_.error_offset()) + ")";
        return {Verdict::fail, 0, true};
    }
    jq_state* state = library_->state;
    jv input = to_library(nodes_, 0, library_->scratch);
    jq_start(state,
             asks_meta_
                 ? jv_array_append(jv_array_append(jv_array(), value_of(meta_)), jv_copy(input))
                 : jv_copy(input),
             0);
    Outputs outputs{.bytes_max = outputs_bytes_max_, .before = out.size()};
    jv last = jq_next(state);
    while (jv_is_valid(last) && outputs.fits) {
        if (use_ == Use::program) {
            outputs.take(last, input, out);
        } else if (outputs.judge(last)) {
            last = jv_invalid();
            break;
        }
        last = outputs.fits ? jq_next(state) : jv_invalid();
    }
    jv_free(input);
    const bool too_many = std::max(outputs.result.outputs, outputs.tested) > outputs_max;
    std::string wrong;
    if (!outputs.fits)
        wrong = too_many || out.size() - outputs.before > outputs_bytes_max_
                    ? too_large(outputs_bytes_max_, too_many)
                    : "an output has more than 64 levels";
    if (!library_->end(last, wrong, error)) {
        out.resize(outputs.before);
        if (outputs.deep) error = "an output has more than 64 levels";
        return {Verdict::fail, 0};
    }
    return outputs.result;
}

}  // namespace holdfast::jq
