# cmake -DOUT=x.cpp -DNAMESPACE=qbench::room -DHEADER=room/texts.h -DNAME=function -DIN=file -P embed.cmake: writes the function that the
# header declares as std::string_view function(), which returns the file's text. qb_embed() in qbench.cmake calls it.
# A raw string literal in pieces: the standard promises 65,536 characters of one, and compilers take more, so pieces only keep lines short.
file(READ "${IN}" text)
if(text MATCHES "\\)qbasset\"")
  message(FATAL_ERROR "embed.cmake: ${IN} holds the delimiter of the string literal that it is written into")
endif()
set(code "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\nstd::string_view ${NAME}() {\n  static constexpr std::string_view kText =")
string(LENGTH "${text}" length)
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 16000 piece)
  string(LENGTH "${piece}" taken)
  string(APPEND code "\n      R\"qbasset(${piece})qbasset\"")
  math(EXPR at "${at} + ${taken}")
endwhile()
string(APPEND code ";\n  return kText;\n}\n\n}  // namespace ${NAMESPACE}\n")
file(WRITE "${OUT}" "${code}")
