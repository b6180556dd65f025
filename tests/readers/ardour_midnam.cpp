// What Ardour's own reader makes of a MIDNAM file: for channel 1 "number, name, named (if its values are)" a line,
// with tabs between; ends with 2 when Ardour refuses the file or finds no such model, mode or list in it.
// Debian has no headers of libmidipp, so the few symbols used are declared here, as they are in Ardour 7.
#include <cstdint>
#include <cstdio>
#include <string>

namespace MIDI { namespace Name {

struct Pointer {  // boost::shared_ptr
    void *held, *count;
    ~Pointer() {}
};
struct Control { std::string type; uint16_t number; std::string name; };
struct ControlNameList { Pointer control(uint16_t number) const; };
struct MasterDeviceNames {
    Pointer control_name_list(const std::string &name);
    Pointer channel_name_set_by_channel(const std::string &mode, uint8_t channel);
    Pointer value_name_list_by_control(const std::string &mode, uint8_t channel, uint8_t number);
};
struct MIDINameDocument {
    explicit MIDINameDocument(const std::string &path);
    Pointer master_device_names(const std::string &model);
    char room[4096];
};
}}

int main(int count, char **word) {
    using namespace MIDI::Name;
    if (count != 5) return 1;  // FILE MODEL MODE CONTROLS
    try {
        auto device = (MasterDeviceNames *)(new MIDINameDocument(word[1]))->master_device_names(word[2]).held;
        if (!device || !device->channel_name_set_by_channel(word[3], 0).held) return 2;
        auto controls = (ControlNameList *)device->control_name_list(word[4]).held;
        if (!controls) return 2;
        for (int number = 0; number < 128; number++)
            if (auto found = (Control *)controls->control(number).held)
                std::printf("%d\t%s\t%s\n", found->number, found->name.c_str(),
                            device->value_name_list_by_control(word[3], 0, number).held ? "named" : "");
    } catch (...) {
        return 2;
    }
}
