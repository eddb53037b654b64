// Answers, the passage that supports each, and a passage like it that does not: another value, another thing, the
// opposite, or the same words about something else.
#pragma once

namespace precis::compress {

struct CitationCase {
  const char* answer;
  const char* supports;
  const char* swapped;
};

inline constexpr CitationCase kCitationCases[] = {
    {"The entrance fee of the maritime museum is 12 euros.",
     "The maritime museum opens daily. Its entrance fee is 12 euros for adults.",
     "The maritime museum opens daily. Its entrance fee is 14 euros for adults."},
    {"Debian 12 was released in June 2023.", "Debian 12, codenamed bookworm, was released on 10 June 2023.",
     "Debian 11, codenamed bullseye, was released on 14 August 2021."},
    {"The drug is not safe during pregnancy.",
     "Doctors warn that the drug is not safe during pregnancy or while breastfeeding.",
     "Doctors agree that the drug is safe during pregnancy and while breastfeeding."},
    {"You can restart the service with systemctl restart nginx.",
     "After a change of configuration, restart the service with systemctl restart nginx.",
     "After a change of configuration, reload the service with systemctl reload apache2."},
    {"The bridge across the Tay was designed by Thomas Bouch.",
     "The first railway bridge across the Tay was designed by Thomas Bouch and opened in 1878.",
     "The second railway bridge across the Tay was designed by William Barlow and opened in 1887."},
    {"List comprehensions consist of brackets containing an expression followed by a for clause.",
     "A list comprehension consists of brackets containing an expression followed by a for clause, then zero or more "
     "for or if clauses.",
     "A dictionary display consists of braces containing key and value pairs separated by commas."},
    {"Octopuses have three hearts.", "Octopuses have three hearts: two pump blood to the gills, one to the body.",
     "Squids have large eyes, and octopuses have eight arms with many suckers."},
    {"The default port of PostgreSQL is 5432.", "By default PostgreSQL listens on port 5432.",
     "By default MySQL listens on port 3306."},
    {"Photosynthesis converts carbon dioxide and water into glucose and oxygen.",
     "In photosynthesis plants convert carbon dioxide and water into glucose and oxygen, using light.",
     "In respiration cells burn glucose with oxygen; carbon dioxide and water are left, and energy is set free."},
    {"The library never closes on Sundays.", "The central library never closes on Sundays, unlike the branches.",
     "The central library closes at noon on Sundays, like the branches."},
    {"The treaty was signed in Utrecht in 1713.",
     "Spain and Britain ended the war by a treaty that was signed in Utrecht in 1713.",
     "Spain and Britain ended the war by a treaty that was signed in Madrid in 1721."},
    {"The battery lasts up to 14 hours.", "With the display dimmed the battery lasts up to 14 hours.",
     "With the display dimmed the battery lasts up to 9 hours."},
    {"Use the --purge option to remove configuration files too.",
     "To remove a package's configuration files too, use apt with the option --purge.",
     "To remove packages that nothing depends on any more, use apt with the option --auto-remove."},
    {"The painter Clara Voss was born in Lisbon.",
     "Clara Voss, the painter, was born in Lisbon to a family of sailors.",
     "Clara Voss, the painter, moved to Porto, where she taught for a decade."},
    {"Sound travels faster in water than in air.", "Sound travels about four times faster in water than in air.",
     "Light travels slower in water than in air, which bends it at the surface."},
    {"The warranty does not cover water damage.",
     "The warranty covers defects of material for two years. It does not cover water damage.",
     "The warranty covers defects of material for two years. It covers water damage too."},
    {"Mount Kenya is the second highest mountain in Africa.",
     "Mount Kenya, at 5,199 metres, is the second highest mountain in Africa.",
     "Kilimanjaro, at 5,895 metres, is the highest mountain in Africa."},
    {"The parser raises a ValueError when the file is empty.",
     "When the file is empty, the parser raises a ValueError.",
     "When the file is missing, the parser raises a FileNotFoundError."},
    {"Tickets can be refunded within 30 days of purchase.",
     "Tickets can be refunded within 30 days of their purchase at any counter.",
     "Tickets cannot be refunded, but can be changed within 30 days of their purchase at any counter."},
    {"The river Ilz flows into the Danube at Passau.",
     "The Ilz is a river in Bavaria. It flows into the Danube at Passau.",
     "The Isar is a river in Bavaria. It flows into the Danube near Deggendorf."},
    {"Revenue grew by 8.5 percent to 1,200 million dollars.",
     "In the third quarter revenue grew by 8.5 percent to 1200 million dollars.",
     "In the third quarter revenue fell by 8.5 percent to 1098 million dollars."},
    {"Bees communicate the direction of food by a waggle dance.",
     "Honey bees communicate the direction and distance of food by a waggle dance.",
     "Ants communicate the path to food by a trail of pheromones."},
    {"The function returns None if the key is not found.",
     "If the key is not found, the function get returns None unless a default is given.",
     "If the key is not found, the function pop raises a KeyError unless a default is given."},
    {"The cathedral's north tower was completed in 1430.",
     "Work on the cathedral went on for two centuries: its north tower was completed in 1430.",
     "Work on the cathedral went on for two centuries: its south tower was completed in 1512."},
};

}  // namespace precis::compress
