/** English that shows what is not translated and what has no room for longer words. */

import { type MessageFormatElement, parse, TYPE } from "@formatjs/icu-messageformat-parser";

const ACCENTS: Readonly<Record<string, string>> = Object.fromEntries(
  [..."aeiouncsyAEIOUNCSY"].map((letter, at) => [letter, [..."áéíóúñçšýÁÉÍÓÚÑÇŠÝ"][at] ?? letter]),
);

export function pseudo(messages: Record<string, string>): Record<string, MessageFormatElement[]> {
  return Object.fromEntries(Object.entries(messages).map(([id, text]) => [id, around(accented(parse(text)))]));
}

function around(elements: MessageFormatElement[]): MessageFormatElement[] {
  return [{ type: TYPE.literal, value: "[" }, ...elements, { type: TYPE.literal, value: "~~]" }];
}

function accented(elements: MessageFormatElement[]): MessageFormatElement[] {
  return elements.map((element) => {
    if (element.type === TYPE.literal) {
      return { ...element, value: element.value.replace(/[a-z]/gi, (letter) => ACCENTS[letter] ?? letter) };
    }
    if (element.type === TYPE.plural || element.type === TYPE.select) {
      const options = Object.fromEntries(
        Object.entries(element.options).map(([key, option]) => [key, { ...option, value: accented(option.value) }]),
      );
      return { ...element, options } as MessageFormatElement;
    }
    return element;
  });
}
