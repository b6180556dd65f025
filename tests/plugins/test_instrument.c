/* A whole VST3 plugin in one C file, without any SDK: a small instrument that can misbehave on request.
 *
 *   gcc -O2 -shared -fPIC -fvisibility=hidden -o X.vst3/Contents/x86_64-linux/X.so test_instrument.c -lm
 *
 * The sound is known exactly, so that what is measured from it can be checked: three harmonics of the
 * equal-tempered pitch with levels 1, BRIGHTNESS / 2 and BRIGHTNESS / 3, linear attack, harmonic k falling
 * 60 dB in DECAY / k seconds, and 60 dB in 0.2 s after the key is released; amplitude 1/4 at full velocity.
 *
 * Built with -DEFFECT_LATENCY=n it is a stereo effect instead, which delays by n frames and reports n.
 * Built with -DLOAD_FAULT=1 it crashes while it is loaded, with -DLOAD_FAULT=2 it hangs. -DINITIAL_FAULT=n sets the
 * parameter that makes it misbehave from the start, with -DFAULT_KEY=k not before the MIDI key k is played.
 *
 * For systems where a plugin identifier is stored in the order it is written (Linux, macOS).
 * Interfaces, identifiers and struct layouts: Steinberg VST 3 API (pluginterfaces/vst/ivst*.h, ipluginbase.h).
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* ---- what the API calls things ------------------------------------------------------------------- */

typedef uint8_t Uid[16];
typedef int32_t Result;
typedef uint16_t Char16;
enum { OK = 0, FALSE_RESULT = 1, BAD_ARGUMENT = 2, NOT_IMPLEMENTED = 3, NO_INTERFACE = -1 };

#define WORD(x) (uint8_t)((x) >> 24), (uint8_t)((x) >> 16), (uint8_t)((x) >> 8), (uint8_t)(x)
#define UID(name, a, b, c, d) static const Uid name = {WORD(a), WORD(b), WORD(c), WORD(d)}
UID(UNKNOWN, 0u, 0u, 0xC0000000u, 0x46u);
UID(PLUGIN_BASE, 0x22888DDBu, 0x156E45AEu, 0x8358B348u, 0x08190625u);
UID(FACTORY, 0x7A4D811Cu, 0x52114A1Fu, 0xAED9D2EEu, 0x0B43BF9Fu);
UID(FACTORY2, 0x0007B650u, 0xF24B4C0Bu, 0xA464EDB9u, 0xF00B2ABBu);
UID(COMPONENT, 0xE831FF31u, 0xF2D54301u, 0x928EBBEEu, 0x25697802u);
UID(PROCESSOR, 0x42043F99u, 0xB7DA453Cu, 0xA569E79Du, 0x9AAEC33Du);
UID(CONTROLLER, 0xDCD7BBE3u, 0x7742448Du, 0xA874AACCu, 0x979C759Eu);
UID(MIDI_MAPPING, 0xDF0FF9F7u, 0x49B74669u, 0xB63AB732u, 0x7ADBF5E5u);
#ifdef EFFECT_LATENCY
#define PLUGIN_NAME "TestDelay"
#define PLUGIN_KIND "Fx|Delay"
UID(CLASS, 0x6261636Bu, 0x74756E65u, 0x74657374u, 0x66783031u);
#else
#define PLUGIN_NAME "TestInstrument"
#define PLUGIN_KIND "Instrument|Synth"
UID(CLASS, 0x6261636Bu, 0x74756E65u, 0x74657374u, 0x696E7374u);
#endif

typedef struct {
    Result (*query)(void *, const Uid, void **);
    uint32_t (*add_ref)(void *);
    uint32_t (*release)(void *);
} Unknown;
typedef struct {
    Unknown unknown;
    Result (*read)(void *, void *, int32_t, int32_t *);
    Result (*write)(void *, void *, int32_t, int32_t *);
} StreamTable;
typedef struct {
    int32_t bus, frame;
    double quarter;
    uint16_t flags, kind; /* kind 0: note on, 1: note off */
    union {
        struct { int16_t channel, pitch; float tuning, velocity; int32_t length, id; } on;
        struct { int16_t channel, pitch; float velocity; int32_t id; float tuning; } off;
        uint64_t largest[3];
    };
} Event;
typedef struct {
    Unknown unknown;
    int32_t (*count)(void *);
    Result (*get)(void *, int32_t, Event *);
    Result (*add)(void *, Event *);
} EventTable;
typedef struct {
    Unknown unknown;
    uint32_t (*id)(void *);
    int32_t (*count)(void *);
    Result (*get)(void *, int32_t, int32_t *, double *);
} QueueTable;
typedef struct {
    Unknown unknown;
    int32_t (*count)(void *);
    void *(*queue)(void *, int32_t);
} ChangesTable;
typedef struct { int32_t channels; uint64_t silent; float **buffers; } Bus;
typedef struct {
    int32_t mode, sample_size, frames, inputs, outputs;
    Bus *in, *out;
    ChangesTable **changes;
    void *changes_out;
    EventTable **events;
    void *events_out, *context;
} Block;
typedef struct { int32_t mode, sample_size, most_frames; double rate; } Setup;
typedef struct { int32_t media, direction, channels; Char16 name[128]; int32_t type; uint32_t flags; } BusInfo;
typedef struct {
    uint32_t id;
    Char16 title[128], short_title[128], units[128];
    int32_t steps;
    double initial;
    int32_t unit, flags;
} ParameterInfo;
typedef struct { char vendor[64], url[256], email[128]; int32_t flags; } FactoryInfo;
typedef struct { Uid id; int32_t cardinality; char category[32], name[64]; } ClassInfo;
typedef struct {
    Uid id;
    int32_t cardinality;
    char category[32], name[64];
    uint32_t flags;
    char kind[128], vendor[64], version[64], sdk[64];
} ClassInfo2;

enum { AUDIO = 0, MIDI = 1, INPUT = 0, OUTPUT = 1, STEREO = 3, CAN_AUTOMATE = 1, VALUES_CHANGED = 4 };
enum { RESTART_COMPONENT = 6, PITCH_BEND = 129, MOD_WHEEL = 1 };

/* ---- the plugin itself --------------------------------------------------------------------------- */

enum { GAIN, ATTACK, BRIGHTNESS, DECAY, BEND, WHEEL, FAULT, PARAMETERS };
enum { NO_FAULT, CRASH, HANG, NOT_A_NUMBER, VARY, SILENT };
#ifndef INITIAL_FAULT
#define INITIAL_FAULT NO_FAULT
#endif
#ifndef FAULT_KEY
#define FAULT_KEY -1
#endif
static const struct { const char *name, *unit; double low, high, initial; int steps; } PARAMETER[PARAMETERS] = {
    {"Gain", "dB", -60, 6, -6, 0},        {"Attack", "ms", 1, 1000, 5, 0},
    {"Brightness", "", 0, 1, 0.3, 0},     {"Decay", "s", 0.1, 20, 4, 0},
    {"Pitch Bend", "semitones", -2, 2, 0, 0}, {"Mod Wheel", "", 0, 1, 0, 0},
    {"Fault", "", 0, 5, INITIAL_FAULT, 5},
};
enum { FIRST_ID = 1000 }; /* identifiers unlike the indices, so that a mix-up shows */
enum { LATEST = 4096 }; /* frames: 10 ms at up to 400 kHz */
enum { VOICES = 16, HARMONICS = 3 };
static const double RELEASE_S = 0.2, SIXTY_DB = 6.907755278982137, TWO_PI = 6.283185307179586;
static const float INAUDIBLE = 1e-6f;

typedef struct { int pitch, held; double phase; float velocity, attack, release; double harmonic[HARMONICS]; } Voice;
typedef struct {
    const void *component, *processor, *controller, *mapping; /* four faces of one object: tables of functions */
    int32_t references;
    void ***handler;
    double value[PARAMETERS], rate; /* values as the host sends them, 0..1 */
    Voice voices[VOICES];
    int next_voice, fault_key_seen;
#ifdef EFFECT_LATENCY
    float line[2][EFFECT_LATENCY];
    int at;
#endif
#ifdef LATE_INSTRUMENT
    float late[LATEST];
    int at;
#endif
} Plugin;
#define SELF(face) ((Plugin *)((char *)self - offsetof(Plugin, face)))

static double plain(int i, double x) { return PARAMETER[i].low + x * (PARAMETER[i].high - PARAMETER[i].low); }
static double normal(int i, double p) {
    double x = (p - PARAMETER[i].low) / (PARAMETER[i].high - PARAMETER[i].low);
    return x < 0 ? 0 : x > 1 ? 1 : x;
}
static void widen(Char16 *to, const char *from) {
    int i = 0;
    for (; from[i] && i < 127; i++) to[i] = (uint8_t)from[i];
    to[i] = 0;
}

static void handle(Plugin *p, const Event *e) {
    if (e->kind == 0 && e->on.velocity > 0) {
        p->fault_key_seen |= e->on.pitch == FAULT_KEY;
        Voice *v = &p->voices[p->next_voice++ % VOICES];
        *v = (Voice){.pitch = e->on.pitch, .held = 1, .velocity = e->on.velocity, .release = 1, .harmonic = {1, 1, 1}};
    } else if (e->kind <= 1) {
        for (int k = 0; k < VOICES; k++)
            if (p->voices[k].pitch == e->off.pitch) p->voices[k].held = 0;
    }
}

static float next_sample(Plugin *p, Voice *v, double bend, double brightness, float rise, double falls[], float fall) {
    if (!v->held && v->release < INAUDIBLE) return 0;
    v->attack = fminf(1, v->attack + rise);
    if (!v->held) v->release *= fall;
    v->phase += 440 * exp2((v->pitch - 69 + bend) / 12) / p->rate;
    v->phase -= floor(v->phase);
    double sum = 0;
    for (int k = 0; k < HARMONICS; k++) {
        double level = k == 0 ? 1 : brightness / (k + 1);
        sum += level * v->harmonic[k] * sin(TWO_PI * (k + 1) * v->phase);
        v->harmonic[k] *= falls[k];
    }
    return 0.25f * v->velocity * v->attack * v->release * (float)sum;
}

static void take_changes(Plugin *p, const Block *b) {
    int queues = b->changes ? (*b->changes)->count(b->changes) : 0;
    for (int k = 0; k < queues; k++) {
        QueueTable **queue = (*b->changes)->queue(b->changes, k);
        uint32_t i = (*queue)->id(queue) - FIRST_ID;
        int points = (*queue)->count(queue);
        int32_t frame;
        double value; /* the last point of a block holds for all of it */
        if (i < PARAMETERS && points > 0 && (*queue)->get(queue, points - 1, &frame, &value) == OK) p->value[i] = value;
    }
}

static void misbehave(int fault) {
    if (fault == CRASH) *(volatile int *)0 = 1;
    if (fault == HANG) for (;;) pause();
}

static uint32_t late_frames(Plugin *p) {
#ifdef EFFECT_LATENCY
    return EFFECT_LATENCY;
#elif defined LATE_INSTRUMENT /* by its wheel and the sampling rate; the host is told of neither */
    return (uint32_t)(p->value[WHEEL] * 0.01 * p->rate + 0.5);
#else
    return 0;
#endif
}

static Result process(void *self, Block *b) {
    Plugin *p = SELF(processor);
    take_changes(p, b);
    if (!b->outputs || !b->frames) return OK;
    int fault = FAULT_KEY < 0 || p->fault_key_seen ? (int)(plain(FAULT, p->value[FAULT]) + 0.5) : NO_FAULT;
    misbehave(fault);
    float *left = b->out[0].buffers[0], *right = b->out[0].buffers[1];
    double gain = pow(10, plain(GAIN, p->value[GAIN]) / 20);
    b->out[0].silent = 0;
#ifdef EFFECT_LATENCY
    for (int i = 0; i < b->frames; i++) {
        float *out[2] = {left, right};
        for (int c = 0; c < 2; c++) {
            float in = b->in[0].buffers[c][i], delayed = p->line[c][p->at];
            p->line[c][p->at] = in;
            out[c][i] = fault == NOT_A_NUMBER ? NAN : fault == SILENT ? 0 : (float)(delayed * gain);
            if (fault == VARY) out[c][i] += 1e-3f * (rand() / (float)RAND_MAX - 0.5f);
        }
        p->at = (p->at + 1) % EFFECT_LATENCY;
    }
#else
    int count = b->events ? (*b->events)->count(b->events) : 0, next = 0;
    float rise = (float)(1 / (plain(ATTACK, p->value[ATTACK]) * 0.001 * p->rate));
    float fall = expf((float)(-SIXTY_DB / (RELEASE_S * p->rate)));
    double falls[HARMONICS], bend = plain(BEND, p->value[BEND]);
    for (int k = 0; k < HARMONICS; k++) falls[k] = exp(-SIXTY_DB * (k + 1) / (plain(DECAY, p->value[DECAY]) * p->rate));
    double brightness = plain(BRIGHTNESS, p->value[BRIGHTNESS]) + p->value[WHEEL];
    Event e;
    for (int i = 0; i < b->frames; i++) {
        while (next < count && (*b->events)->get(b->events, next, &e) == OK && e.frame <= i) { handle(p, &e); next++; }
        float sum = 0;
        for (int k = 0; k < VOICES; k++) sum += next_sample(p, &p->voices[k], bend, brightness, rise, falls, fall);
        if (fault == NOT_A_NUMBER) sum = NAN;
        if (fault == VARY) sum += 1e-3f * (rand() / (float)RAND_MAX - 0.5f);
        left[i] = right[i] = fault == SILENT ? 0 : (float)(sum * gain);
#ifdef LATE_INSTRUMENT
        p->late[p->at] = left[i];
        left[i] = right[i] = p->late[(p->at + LATEST - late_frames(p)) % LATEST];
        p->at = (p->at + 1) % LATEST;
#endif
    }
    for (; next < count && (*b->events)->get(b->events, next, &e) == OK; next++) handle(p, &e);
#endif
    return OK;
}

/* ---- its four faces ------------------------------------------------------------------------------ */

#define IS(a, b) (memcmp(a, b, sizeof(Uid)) == 0)
static Result query(Plugin *p, const Uid id, void **out) {
    *out = IS(id, UNKNOWN) || IS(id, PLUGIN_BASE) || IS(id, COMPONENT) ? (void *)&p->component
         : IS(id, PROCESSOR)    ? (void *)&p->processor
         : IS(id, CONTROLLER)   ? (void *)&p->controller
         : IS(id, MIDI_MAPPING) ? (void *)&p->mapping : NULL;
    if (!*out) return NO_INTERFACE;
    p->references++;
    return OK;
}
static uint32_t drop(Plugin *p) {
    uint32_t left = (uint32_t)--p->references;
    if (left == 0) free(p);
    return left;
}
#define FACE(face)                                                                                        \
    static Result face##_query(void *self, const Uid id, void **out) { return query(SELF(face), id, out); } \
    static uint32_t face##_add_ref(void *self) { return (uint32_t)++SELF(face)->references; }              \
    static uint32_t face##_release(void *self) { return drop(SELF(face)); }
FACE(component) FACE(processor) FACE(controller) FACE(mapping)

static Result accept_one(void *self, void *a) { return OK; }
static Result accept(void *self) { return OK; }

static Result controller_class(void *self, Uid id) { return NOT_IMPLEMENTED; }
static Result set_io_mode(void *self, int32_t mode) { return NOT_IMPLEMENTED; }
static int32_t bus_count(void *self, int32_t media, int32_t direction) {
#ifdef EFFECT_LATENCY
    return media == AUDIO;
#else
    return direction == OUTPUT ? media == AUDIO : media == MIDI;
#endif
}
static Result bus_info(void *self, int32_t media, int32_t direction, int32_t index, BusInfo *info) {
    if (index || !bus_count(self, media, direction)) return BAD_ARGUMENT;
    memset(info, 0, sizeof *info);
    info->media = media;
    info->direction = direction;
    info->channels = media == MIDI ? 16 : 2;
    info->flags = 1;
    widen(info->name, media == MIDI ? "MIDI In" : direction == INPUT ? "In" : "Out");
    return OK;
}
static Result routing(void *self, void *a, void *b) { return NOT_IMPLEMENTED; }
static Result activate_bus(void *self, int32_t media, int32_t direction, int32_t i, uint8_t on) { return OK; }
static Result set_active(void *self, uint8_t on) {
    Plugin *p = SELF(component);
    if (on) { memset(p->voices, 0, sizeof p->voices); p->next_voice = 0; }
#ifdef LATE_INSTRUMENT
    memset(p->late, 0, sizeof p->late);
#endif
    return OK;
}
static Result read_state(Plugin *p, StreamTable **stream) {
    double value[PARAMETERS];
    int32_t count = 0;
    if ((*stream)->read(stream, value, sizeof value, &count) != OK || count != sizeof value) return FALSE_RESULT;
    memcpy(p->value, value, sizeof value);
    return OK;
}
static Result set_state(void *self, StreamTable **stream) { return read_state(SELF(component), stream); }
static Result get_state(void *self, StreamTable **stream) {
    int32_t count;
    return (*stream)->write(stream, SELF(component)->value, sizeof SELF(component)->value, &count);
}

static Result set_arrangements(void *self, uint64_t *in, int32_t ins, uint64_t *out, int32_t outs) {
    int wanted = bus_count(NULL, AUDIO, INPUT);
    return ins == wanted && (!ins || in[0] == STEREO) && outs == 1 && out[0] == STEREO ? OK : FALSE_RESULT;
}
static Result get_arrangement(void *self, int32_t direction, int32_t index, uint64_t *arrangement) {
    if (index || !bus_count(NULL, AUDIO, direction)) return BAD_ARGUMENT;
    *arrangement = STEREO;
    return OK;
}
static Result can_process(void *self, int32_t sample_size) { return sample_size == 0 ? OK : FALSE_RESULT; }
static uint32_t latency(void *self) { return late_frames(SELF(processor)); }
static Result set_up(void *self, Setup *s) { SELF(processor)->rate = s->rate; return OK; }
static Result set_processing(void *self, uint8_t on) {
#ifdef EFFECT_LATENCY
    if (on) memset(SELF(processor)->line, 0, sizeof SELF(processor)->line);
#endif
    return OK;
}
static uint32_t tail(void *self) { return 0; }

static Result controller_set_state(void *self, StreamTable **stream) {
    Plugin *p = SELF(controller);
    Result result = read_state(p, stream);
    /* a host learns of new values only this way */
    if (result == OK && p->handler) ((Result(*)(void *, int32_t))(*p->handler)[RESTART_COMPONENT])(p->handler, VALUES_CHANGED);
    return result;
}
static Result set_handler(void *self, void *handler) { SELF(controller)->handler = handler; return OK; }
static int32_t parameter_count(void *self) { return PARAMETERS; }
static Result parameter_info(void *self, int32_t i, ParameterInfo *info) {
    if (i < 0 || i >= PARAMETERS) return BAD_ARGUMENT;
    memset(info, 0, sizeof *info);
    info->id = (uint32_t)(FIRST_ID + i);
    widen(info->title, PARAMETER[i].name);
    widen(info->short_title, PARAMETER[i].name);
    widen(info->units, PARAMETER[i].unit);
    info->steps = PARAMETER[i].steps;
    info->initial = normal(i, PARAMETER[i].initial);
    info->flags = CAN_AUTOMATE;
    return OK;
}
static Result text_of(void *self, uint32_t id, double x, Char16 *text) {
    char line[64];
    uint32_t i = id - FIRST_ID;
    if (i >= PARAMETERS) return BAD_ARGUMENT;
    snprintf(line, sizeof line, PARAMETER[i].steps ? "%.0f" : "%.4f", plain((int)i, x));
    widen(text, line);
    return OK;
}
static Result value_of(void *self, uint32_t id, Char16 *text, double *x) {
    char line[64];
    int k = 0;
    uint32_t i = id - FIRST_ID;
    if (i >= PARAMETERS) return BAD_ARGUMENT;
    for (; text[k] && k < 63; k++) line[k] = (char)text[k];
    line[k] = 0;
    *x = normal((int)i, atof(line));
    return OK;
}
static double to_plain(void *self, uint32_t id, double x) { return id - FIRST_ID < PARAMETERS ? plain((int)(id - FIRST_ID), x) : x; }
static double to_normal(void *self, uint32_t id, double p) { return id - FIRST_ID < PARAMETERS ? normal((int)(id - FIRST_ID), p) : p; }
static double get_value(void *self, uint32_t id) {
    return id - FIRST_ID < PARAMETERS ? SELF(controller)->value[id - FIRST_ID] : 0;
}
static Result set_value(void *self, uint32_t id, double x) {
    if (id - FIRST_ID >= PARAMETERS) return BAD_ARGUMENT;
    SELF(controller)->value[id - FIRST_ID] = x;
    return OK;
}
static void *no_view(void *self, const char *name) { return NULL; }

static Result controller_of(void *self, int32_t bus, int16_t channel, int16_t number, uint32_t *id) {
    if (number != PITCH_BEND && number != MOD_WHEEL) return FALSE_RESULT;
    *id = FIRST_ID + (number == PITCH_BEND ? BEND : WHEEL);
    return OK;
}

static const void *COMPONENT_TABLE[] = {component_query, component_add_ref, component_release, accept_one, accept,
    controller_class, set_io_mode, bus_count, bus_info, routing, activate_bus, set_active, set_state, get_state};
static const void *PROCESSOR_TABLE[] = {processor_query, processor_add_ref, processor_release, set_arrangements,
    get_arrangement, can_process, latency, set_up, set_processing, process, tail};
static const void *CONTROLLER_TABLE[] = {controller_query, controller_add_ref, controller_release, accept_one, accept,
    controller_set_state, accept_one, accept_one, parameter_count, parameter_info, text_of, value_of, to_plain,
    to_normal, get_value, set_value, set_handler, no_view};
static const void *MAPPING_TABLE[] = {mapping_query, mapping_add_ref, mapping_release, controller_of};

/* ---- the factory: what a host sees first --------------------------------------------------------- */

static Result factory_query(void *self, const Uid id, void **out) {
    *out = IS(id, UNKNOWN) || IS(id, FACTORY) || IS(id, FACTORY2) ? self : NULL;
    return *out ? OK : NO_INTERFACE;
}
static uint32_t always_one(void *self) { return 1; }
static Result factory_info(void *self, FactoryInfo *info) {
    memset(info, 0, sizeof *info);
    strcpy(info->vendor, "backtune");
    info->flags = 16; /* texts are Unicode */
    return OK;
}
static int32_t class_count(void *self) { return 1; }
static Result class_info(void *self, int32_t index, ClassInfo *info) {
    if (index) return BAD_ARGUMENT;
    memset(info, 0, sizeof *info);
    memcpy(info->id, CLASS, sizeof(Uid));
    info->cardinality = 0x7fffffff;
    strcpy(info->category, "Audio Module Class");
    strcpy(info->name, PLUGIN_NAME);
    return OK;
}
static Result class_info2(void *self, int32_t index, ClassInfo2 *info) {
    if (index) return BAD_ARGUMENT;
    memset(info, 0, sizeof *info);
    class_info(self, 0, (ClassInfo *)info);
    strcpy(info->kind, PLUGIN_KIND);
    strcpy(info->vendor, "backtune");
    strcpy(info->version, "1.0.0");
    strcpy(info->sdk, "VST 3.7");
    return OK;
}
static Result create(void *self, const Uid class_id, const Uid interface_id, void **out) {
    *out = NULL;
    if (!IS(class_id, CLASS)) return BAD_ARGUMENT;
    Plugin *p = calloc(1, sizeof *p);
    p->component = COMPONENT_TABLE;
    p->processor = PROCESSOR_TABLE;
    p->controller = CONTROLLER_TABLE;
    p->mapping = MAPPING_TABLE;
    p->rate = 44100;
    static int seeded;
    if (!seeded++) srand((unsigned)getpid()); /* what varies differs between processes too, and after a reset */
    for (int i = 0; i < PARAMETERS; i++) p->value[i] = normal(i, PARAMETER[i].initial);
    Result result = query(p, interface_id, out);
    if (result != OK) free(p);
    return result;
}
static const void *FACTORY_TABLE[] = {factory_query, always_one, always_one, factory_info, class_count, class_info, create,
    class_info2};
static const void *factory = FACTORY_TABLE;

#ifdef MISSING_SYMBOL
extern void a_function_nobody_has(void);
EXPORT void call_it(void) { a_function_nobody_has(); }
#endif

static uint8_t enter(void) {
#ifdef LOAD_FAULT
    misbehave(LOAD_FAULT);
#endif
    return 1;
}
EXPORT uint8_t ModuleEntry(void *handle) { return enter(); } /* Linux */
EXPORT uint8_t ModuleExit(void) { return 1; }
EXPORT uint8_t bundleEntry(void *bundle) { return enter(); } /* macOS */
EXPORT uint8_t bundleExit(void) { return 1; }
EXPORT void *GetPluginFactory(void) { return &factory; }
