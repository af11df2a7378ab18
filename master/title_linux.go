package master

// titled says that the system shows the memory of the arguments as it is now.
const titled = true
